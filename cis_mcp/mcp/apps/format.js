// Numbers, shares and times in words.

/** Ways to write, for the host's locale. */
export class Format {
  constructor(locale) {
    this.locale = supported(locale);
    this.numbers = new Intl.NumberFormat(this.locale);
  }

  number(value) {
    return this.numbers.format(value);
  }

  /** `count` things, “1 invite”, “2,000 invites”. */
  count(value, one, many) {
    return `${this.number(value)} ${value === 1 ? one : many}`;
  }

  /** A part of a whole in per cent; what is there is never shown as 0 %, what is missing never as 100 %. */
  share(part, whole) {
    if (!whole) return "0%";
    const exact = (part / whole) * 100;
    if (part > 0 && exact < 1) return "<1%";
    if (part < whole && exact > 99) return ">99%";
    return `${Math.round(exact)}%`;
  }

  /** A point on the event's own clock, “Sun, May 2, 2027, 7:00 PM”; days of all-day events have no time. */
  local(iso) {
    return this.#written(iso, { weekday: "short", month: "short", day: "numeric", year: "numeric" });
  }

  /** Start and end of an event; the end's day only where it is another. */
  span(start, end, allDay) {
    if (allDay) return `${this.local(start.local)}, all day`;
    const sameDay = start.local.slice(0, 10) === end.local.slice(0, 10);
    return `${this.local(start.local)} – ${sameDay ? this.hour(end.local) : this.local(end.local)}`;
  }

  hour(iso) {
    const time = { hour: "numeric", minute: "2-digit", timeZone: "UTC" };
    return new Intl.DateTimeFormat(this.locale, time).format(asWritten(iso));
  }

  /** One part of a local date, such as {month: "short"}. */
  part(iso, options) {
    return new Intl.DateTimeFormat(this.locale, { ...options, timeZone: "UTC" }).format(asWritten(iso));
  }

  /** A moment on the reader's clock. */
  moment(date) {
    const options = { hour: "numeric", minute: "2-digit", second: "2-digit" };
    return new Intl.DateTimeFormat(this.locale, options).format(date);
  }

  day(iso) {
    const options = { month: "short", day: "numeric", hour: "numeric", minute: "2-digit" };
    return new Intl.DateTimeFormat(this.locale, options).format(new Date(iso));
  }

  /** How long something takes, roughly. */
  duration(seconds) {
    if (seconds < 90) return this.count(Math.max(1, Math.round(seconds)), "second", "seconds");
    if (seconds < 5400) return this.count(Math.round(seconds / 60), "minute", "minutes");
    return this.count(Math.round(seconds / 3600), "hour", "hours");
  }

  #written(iso, day) {
    const time = iso.length > 10 ? { hour: "numeric", minute: "2-digit" } : {};
    return this.part(iso, { ...day, ...time });
  }
}

/** A zone as people say it: “New York”. */
export function place(timezone) {
  return timezone.split("/").pop().replaceAll("_", " ");
}

/** The program behind a PRODID such as “-//Google Inc//Google Calendar 70.9054//EN”. */
export function program(prodid) {
  if (prodid === "mail") return "By mail";
  const parts = prodid.split("//").map((part) => part.trim());
  const named = parts.filter((part) => part && !/^([-+]|[a-z]{2}(-[a-z]{2})?)$/i.test(part));
  const name = (named[1] ?? named[0] ?? "").replace(/^.*\//, "").replace(/^NONSGML /, "");
  return name.replace(/\s+v?\d[\w.]*(\s+MIMEDIR)?$/i, "") || "Unknown";
}

const ORIGINS = {
  api: "Agent or API",
  bulk: "Bulk list",
  emailcta: "Button in a mail",
  landingpage: "Landing page",
  shared: "Passed on",
  singlesend: "Single send",
  multievent: "Several events",
  vip: "VIP list",
  webform: "Web form",
};

/** A channel that asked for invites, as people say it. */
export function channel(origin) {
  return ORIGINS[origin] ?? `${origin.slice(0, 1).toUpperCase()}${origin.slice(1)}`;
}

/** One of the server's codes as words. */
export function reason(code) {
  return code.replaceAll("_", " ");
}

function asWritten(iso) {
  // The offset is left away: the clock that counts is the event's, whatever that of the reader is.
  return new Date(`${iso.slice(0, 10)}T${iso.slice(11, 16) || "00:00"}Z`);
}

function supported(locale) {
  try {
    return Intl.DateTimeFormat.supportedLocalesOf(locale ?? "en")[0] ?? "en";
  } catch {
    return "en"; // RangeError: the host's locale is no language tag
  }
}
