// Reads one JSON question a line, answers with what ical.js makes of the calendar.
import { createInterface } from "node:readline";

const { default: ICAL } = await import(process.argv[2]);

function utc(time) {
  return time.isDate ? time.toString() : time.convertToZone(ICAL.Timezone.utcTimezone).toString();
}

function instances(master, exceptions, count) {
  const event = new ICAL.Event(master, { exceptions });
  const iterator = event.iterator();
  const found = [];
  for (let next = iterator.next(); next && found.length < count; next = iterator.next()) {
    found.push(utc(event.getOccurrenceDetails(next).startDate));
  }
  return found;
}

function read({ calendar, count }) {
  const root = new ICAL.Component(ICAL.parse(calendar));
  ICAL.TimezoneService.reset();
  for (const zone of root.getAllSubcomponents("vtimezone")) {
    ICAL.TimezoneService.register(zone);
  }
  const events = root.getAllSubcomponents("vevent");
  const faults = [];
  for (const part of events) {
    const event = new ICAL.Event(part);
    if (!event.uid) faults.push("no UID");
    if (!event.organizer) faults.push("no ORGANIZER");
    if (event.attendees.length !== 1) faults.push(`${event.attendees.length} attendees`);
    if (event.endDate.compare(event.startDate) < 0) faults.push("ends before it starts");
    if (!event.startDate.isDate && event.startDate.zone === ICAL.Timezone.localTimezone) faults.push("floating");
  }
  const master = events.find((part) => !part.hasProperty("recurrence-id"));
  const exceptions = events.filter((part) => part.hasProperty("recurrence-id"));
  return { faults, starts: count && master ? instances(master, exceptions, count) : [] };
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    answer = read(JSON.parse(line));
  } catch (error) {
    answer = { faults: [`${error}`], starts: [] };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
