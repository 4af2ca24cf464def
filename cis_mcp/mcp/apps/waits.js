// What a person is told whose request waits for somebody's yes.

/** The sentence for `held` of an answer; empty where nothing waits. */
export function waits(held) {
  return held && !held.sent ? `Nothing is sent yet: it waits for a yes of ${held.decided_by} (held action ${held.id}).` : "";
}
