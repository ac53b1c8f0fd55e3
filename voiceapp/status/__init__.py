"""How the service is: for load balancers, for Prometheus, and for whoever looks at the pages."""
