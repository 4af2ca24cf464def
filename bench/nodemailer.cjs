// The peer of our campaigns: a nodemailer pool, each invite built by ical-generator.
// `node bench/nodemailer.cjs PORT MESSAGES BYTES CONNECTIONS` prints {"seconds", "bytes"}; a mail has at least BYTES.
"use strict";

const { default: ical } = require("ical-generator");
const nodemailer = require("nodemailer");

const [port, messages, bytes, connections] = process.argv.slice(2).map(Number);
const START = new Date("2031-05-06T17:30:00Z");
const END = new Date("2031-05-06T18:30:00Z");
const FILLER = `${"Some words of the invite ".repeat(2).trim()}\n`;

function invite(number, filler) {
  const name = `Guest ${number}`;
  const email = `member${number}@example.com`;
  const receipts = `rsvp+token${number}@example.org`;
  const summary = `Season call for ${name}`;
  const description = `Hello ${name}, bring your questions; the room opens a quarter of an hour earlier.`;
  const calendar = ical({ method: "REQUEST", prodId: "//Example Inc//Example Calendar//EN" });
  calendar
    .createEvent({
      id: `invite-${number}@example.org`,
      sequence: 0,
      start: START,
      end: END,
      summary,
      description,
      location: "Room 4, Example Hall",
      organizer: { name: "Club agent", email: receipts },
    })
    .createAttendee({ name, email, rsvp: true, status: "NEEDS-ACTION", role: "REQ-PARTICIPANT", type: "INDIVIDUAL" });
  return {
    from: { name: "Club agent", address: "rsvp@example.org" },
    to: { name, address: email },
    replyTo: { name: "Club agent", address: "agent@example.org" },
    envelope: { from: receipts, to: email },
    subject: summary,
    text: `${summary}\n\n${description}\n`,
    html: `<html><body><h1>${summary}</h1><p>${description}</p><!--\n${filler}--></body></html>`,
    icalEvent: { method: "REQUEST", filename: "invite.ics", content: calendar.toString() },
  };
}

async function sized() {
  const builder = nodemailer.createTransport({ streamTransport: true, buffer: true, newline: "windows" });
  const size = async (filler) => (await builder.sendMail(invite(messages, filler))).message.length;
  const missing = bytes - (await size(""));
  const filler = missing > 0 ? FILLER.repeat(Math.ceil(missing / FILLER.length)) : "";
  return [filler, await size(filler)];
}

async function main() {
  const [filler, size] = await sized();
  const pool = nodemailer.createTransport({
    host: "127.0.0.1",
    port,
    pool: true,
    maxConnections: connections,
    maxMessages: Infinity,
    ignoreTLS: true,
  });
  let next = 0;
  const work = async () => {
    while (next < messages) await pool.sendMail(invite(next++, filler));
  };
  const began = process.hrtime.bigint();
  await Promise.all(Array.from({ length: connections * 2 }, work));
  const seconds = Number(process.hrtime.bigint() - began) / 1e9;
  pool.close();
  console.log(JSON.stringify({ seconds, bytes: size }));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
