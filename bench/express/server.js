// What people write in Node: Express and the twilio package, one process for each core.
"use strict";

const cluster = require("node:cluster");
const https = require("node:https");

const PROCESSES = 2;
const { PORT, PUBLIC_BASE_URL, TWILIO_AUTH_TOKEN, CRM_URL } = process.env;

if (cluster.isPrimary) {
  for (let count = 0; count < PROCESSES; count += 1) cluster.fork();
} else {
  serve();
}

function serve() {
  const express = require("express");
  const twilio = require("twilio");
  const agent = new https.Agent({ keepAlive: true });
  const app = express();

  app.post("/twiml/did", express.urlencoded({ extended: false }), async (request, response) => {
    const signature = request.get("X-Twilio-Signature") || "";
    const url = PUBLIC_BASE_URL + request.originalUrl;
    if (!twilio.validateRequest(TWILIO_AUTH_TOKEN, signature, url, request.body)) {
      response.sendStatus(403);
      return;
    }
    const twiml = new twilio.twiml.VoiceResponse();
    const queue = await queueOf(agent, request.body.From);
    twiml.enqueue({ action: "/twiml/after/queue", method: "POST" }, queue);
    response.type("text/xml").send(twiml.toString());
  });
  app.listen(Number(PORT), "127.0.0.1");
}

async function queueOf(agent, caller) {
  try {
    const customer = await getJson(agent, `${CRM_URL}?caller=${encodeURIComponent(caller)}`);
    return customer.tier === "Gold" ? "vip" : "general";
  } catch {
    return "overflow";
  }
}

function getJson(agent, url) {
  return new Promise((resolve, reject) => {
    const request = https.get(url, { agent, timeout: 3000 }, (answer) => {
      const pieces = [];
      answer.on("data", (piece) => pieces.push(piece));
      answer.on("error", reject);
      answer.on("end", () => {
        try {
          if (answer.statusCode !== 200) throw new Error(`The CRM answers ${answer.statusCode}`);
          resolve(JSON.parse(Buffer.concat(pieces).toString()));
        } catch (error) {
          reject(error);
        }
      });
    });
    request.on("timeout", () => request.destroy(new Error("The CRM takes too long")));
    request.on("error", reject);
  });
}
