"""All stand-ins there are."""

from tests.wire.bullhorn import Bullhorn
from tests.wire.dynamics import Dynamics
from tests.wire.espocrm import EspoCrm
from tests.wire.freshsales import Freshsales
from tests.wire.hubspot import HubSpot
from tests.wire.odoo import Odoo, OdooRpc
from tests.wire.pipedrive import Pipedrive
from tests.wire.salesforce import Salesforce
from tests.wire.standin import StandIn
from tests.wire.sugarcrm import SugarCrm
from tests.wire.suitecrm import SuiteCrm
from tests.wire.vtiger import VtigerCloud, VtigerServer
from tests.wire.zendesk import Zendesk
from tests.wire.zoho import Zoho

STAND_INS: tuple[type[StandIn], ...] = (
    Salesforce,
    Dynamics,
    Odoo,
    OdooRpc,
    Zoho,
    EspoCrm,
    VtigerCloud,
    VtigerServer,
    Bullhorn,
    Pipedrive,
    SuiteCrm,
    SugarCrm,
    Zendesk,
    HubSpot,
    Freshsales,
)
