import type { Attack, Fate } from './attackers.ts'
import { type FormName, managersOf } from './forms.ts'
import { isPlain, kindNames, type People, type Person } from './people.ts'
import type { Plan } from './plan.ts'
import type { Tally } from './visitor.ts'
import type { SentMail, World } from './world.ts'

/** One line of the table: what a kind of attacker did, and what came of it. */
export type AttackRow = {
  kind: string
  posts: number
  tooMany: number
  refused: number
  stored: number
  accepted: number
  unconfirmed: number
  quarantined: number
  /** Of the quarantined ones, by the rule that is named first. */
  rules: Readonly<Record<string, number>>
  /** Confirmations that reached somebody's server, and those that never left, by reason. */
  confirmations: number
  held: Readonly<Record<string, number>>
}

export type PeopleRow = {
  kind: string
  people: number
  posts: number
  accepted: number
  quarantined: number
  unconfirmed: number
  rules: Readonly<Record<string, number>>
  /** Those who were answered 429 first, and what it cost them. */
  delayed: number
  tries: number
  longestSeconds: number
  confirmations: number
  /** Confirmations that waited, by reason. */
  held: Readonly<Record<string, number>>
  lost: number
}

export type Truth = { name: string; holds: boolean; detail: string }

export type Report = {
  seed: string
  posts: number
  people: number
  hours: number
  attackers: readonly AttackRow[]
  persons: readonly PeopleRow[]
  /** Mails to people who did not work for the shop. */
  strangers: { mails: number; perMailboxDay: number; perDomainHour: number; perSharedDomainHour: number }
  /** Posts that managers were told together with others, in how many mails; and the most told singly to one in an hour. */
  floods: { mails: number; posts: number; perManagerHour: number }
  /** Bots that test addresses: how many they learned of as failing, and of how many why. */
  oracle: { failed: number; fine: number; finePerNetworkDay: number }
  stored: number
  tooMany: number
  storeMegabytes: number
  truths: readonly Truth[]
}

/** As the list of the API tells it, with what its mails came to. */
type Row = {
  reference: string
  review: string
  email: string | null
  form: string
  confirmation: string | null
  notification: string | null
  verdict: { reasons: { rule: string }[] }
}

type Held = { reference: string; heldReason: string | null; id: string; role: string }

const hour = 3_600_000
const day = 24 * hour

type Cancelled = { reference: string; recipient: string; events: { digest?: string }[] }

/** What the managers see, before they touch anything. */
export type Books = {
  rows: ReadonlyMap<string, Row>
  held: ReadonlyMap<string, Held>
  /** By post and manager (`toldKey`): the digest that tells it. */
  told: ReadonlyMap<string, string>
}

/** Reads everything from the lists that managers have; nothing else counts as visible. */
export async function readBooks(world: World): Promise<Books> {
  const rows = await pagesOf<Row>(world, '/submissions?limit=200')
  const held = await pagesOf<Held>(world, '/messages?limit=200&state=held')
  const cancelled = await pagesOf<Cancelled>(world, '/messages?limit=200&state=cancelled&role=notification')
  return {
    rows: new Map(rows.map((row) => [row.reference, row])),
    held: new Map(held.filter(({ role }) => role === 'confirmation').map((message) => [message.reference, message])),
    told: new Map(
      cancelled.flatMap(({ reference, recipient, events }) => {
        const digest = events.find((event) => event.digest !== undefined)?.digest
        return digest === undefined ? [] : [[toldKey(reference, recipient), digest] as const]
      }),
    ),
  }
}

function toldKey(reference: string, manager: string): string {
  return `${reference} ${manager}`
}

async function pagesOf<T>(world: World, path: string): Promise<T[]> {
  const found: T[] = []
  let before = ''
  for (;;) {
    const { items, cursor } = (await world.operate(`${path}${before}`)) as { items: T[]; cursor: string | null }
    found.push(...items)
    if (cursor === null) return found
    before = `&before=${cursor}`
  }
}

/** What of real people's waits for somebody: submissions for review, and confirmations that are held. */
export function waitingPeople(people: People, { rows, held }: Books): { references: string[]; messages: string[] } {
  const own = people.all.flatMap(({ references }) => [...references])
  return {
    references: own.filter((reference) => ['quarantined', 'unconfirmed'].includes(rows.get(reference)?.review ?? '')),
    messages: own.flatMap((reference) => held.get(reference)?.id ?? []),
  }
}

/** A run, as far as it is needed to tell how it went. */
export type Run = {
  seed: string
  world: World
  plan: Plan
  attack: Attack
  people: People
  /** What managers saw when the last bot had gone, and after they had released what real people sent. */
  before: Books
  after: Books
  /** Texts of the real people's submissions, by reference. */
  contents: ReadonlyMap<string, string>
  /** Messages that a manager let go by hand. */
  byHand: ReadonlySet<string>
  /** Submissions that count as disowned. */
  disowned: readonly string[]
}

/** Everything that must be true whatever the seed, and the table of how it came. */
export function audit(run: Run): Report {
  const { world, attack, people, before, plan } = run
  const mailsOf = groupBy(world.sent, ({ reference }) => reference)
  const floods = floodsOf(run)
  const strangers = mailsToStrangers(run)
  const oracle = oracleOf(attack.fates)
  const attackers = attack.tallies.map((tally) => attackRow(tally, before, mailsOf))
  const persons = peopleRows(run, mailsOf)
  const posts = [...attackers, ...persons].reduce((sum, row) => sum + row.posts, 0)
  return {
    seed: run.seed,
    posts,
    people: people.all.length,
    hours: Math.round(plan.end / hour),
    attackers,
    persons,
    strangers,
    floods,
    oracle,
    stored: before.rows.size,
    tooMany: attackers.reduce((sum, { tooMany }) => sum + tooMany, 0),
    storeMegabytes: Math.round(world.storeBytes() / 1e5) / 10,
    truths: truthsOf(run, mailsOf, strangers, floods, oracle),
  }
}

type MailsOf = ReadonlyMap<string, readonly SentMail[]>

function truthsOf(
  run: Run,
  mailsOf: MailsOf,
  strangers: Report['strangers'],
  floods: Report['floods'],
  oracle: Report['oracle'],
): Truth[] {
  const { world, attack, people, before, after, byHand, disowned } = run
  const { caps } = world.deps.settings
  const peoplesProofs = people.all.filter(({ kind }) => kind === 'with a proof of work').length
  const proven = [...before.rows.values()].filter(
    ({ form, reference, review }) =>
      form === 'news' && review === 'accepted' && before.held.get(reference)?.heldReason !== 'no-proof',
  )
  const unnotified = [...after.rows.values()].filter((row) => !isNotified(row, run, mailsOf))
  const hidden = [...before.rows.values()].filter((row) => !isVisible(row, before))
  const stopped = world.sent.filter(
    ({ role, mailbox, at }) => role === 'confirmation' && at > (attack.stops.get(mailbox) ?? Number.POSITIVE_INFINITY),
  )
  const own = new Set(people.all.flatMap(({ references }) => [...references]))
  const confirmedByNobody = [...before.rows.values()].filter(
    ({ form, review, reference, email }) =>
      form === 'club' && email !== null && review === 'accepted' && !own.has(reference),
  )
  const putAside = people.all.filter(
    ({ kind, references }) =>
      isPlain(kind) && [...references].some((reference) => isSuspected(before.rows.get(reference))),
  )
  return [
    none(
      'every post of a real person is stored and their managers have it',
      people.all.flatMap((person) => lossOf(person, run, mailsOf)),
    ),
    none(
      'nobody was refused without a word on what to do',
      people.all.flatMap(({ speechless }) => speechless),
    ),
    none(
      'whoever sent the same twice is stored once',
      people.all.filter(({ references }) => references.size > 1).map(named),
    ),
    none('people without anything suspicious are never put aside', putAside.map(named)),
    atMost('confirmations to one mailbox in any 24 hours', strangers.perMailboxDay, caps.perAddress.max),
    atMost('confirmations to one domain in any hour', strangers.perDomainHour, caps.perDomain.max),
    atMost('confirmations to one shared domain in any hour', strangers.perSharedDomainHour, caps.perSharedDomain.max),
    none(
      'no mail went out before a release, no header was injected, no visitor’s text is in a confirmation',
      world.violations,
    ),
    none('nothing failed inside', world.errors),
    none(
      'every post’s notification was mailed, or is told in a digest that was',
      unnotified.map(({ reference }) => reference),
    ),
    none('every digest names each post that it tells once, or says how many more there are', wrongDigests(run)),
    atMost(
      'notifications of one form to one manager, each by itself, in any hour',
      floods.perManagerHour,
      caps.notifications.max,
    ),
    none(
      'every withheld confirmation is visible to its manager, with its reason',
      hidden.map((row) => `${row.reference} ${row.review} ${row.confirmation}`),
    ),
    atMost('confirmations that want a proof of work, by proofs solved', proven.length, attack.solved() + peoplesProofs),
    none('link scanners changed nothing', [
      ...disowned.filter((reference) => !attack.disowned.has(reference)),
      ...confirmedByNobody.map(({ reference }) => reference),
    ]),
    none(
      'whoever said “this wasn’t me” got no more',
      stopped.filter(({ messageId }) => !byHand.has(messageId)).map(({ reference }) => reference),
    ),
    atMost('fates of addresses told to one network in any 24 hours', oracle.finePerNetworkDay, 8),
    atMost('posts of one network taken in any 10 seconds', mostPerGroup(world.taken, 10_000), 180),
  ]
}

function none(name: string, found: readonly string[]): Truth {
  const detail = found.length === 0 ? '' : `${found.length}: ${found.slice(0, 3).join('; ')}`
  return { name, holds: found.length === 0, detail }
}

function atMost(name: string, value: number, max: number): Truth {
  return { name, holds: value <= max, detail: `${value} of at most ${max}` }
}

function named({ kind, marker }: Person): string {
  return `${kind} (${marker})`
}

// --- people -----------------------------------------------------------------------------------------------------

/** What went wrong for a real person; nothing may. */
function lossOf(person: Person, run: Run, mailsOf: MailsOf): string[] {
  const { after, contents } = run
  const lost = (what: string) => [`${named(person)}: ${what}`]
  const [reference] = person.references
  if (reference === undefined) return lost(`gave up after ${person.tries} tries`)
  const row = after.rows.get(reference)
  if (row === undefined) return lost('is not in the list')
  if (contents.get(reference)?.includes(person.marker) !== true) return lost('something else is stored')
  if (row.review !== 'accepted' && row.review !== 'released') return lost(`is still ${row.review}`)
  if (!isNotified(row, run, mailsOf)) return lost('no manager got it')
  const waits = row.confirmation === null || ['queued', 'deferred', 'held', 'sending'].includes(row.confirmation)
  return waits ? lost(`its confirmation is ${row.confirmation}`) : []
}

function isNotified({ reference, form, review }: Row, { after }: Run, mailsOf: MailsOf): boolean {
  if (review !== 'accepted' && review !== 'released') return true
  const mails = mailsOf.get(reference) ?? []
  const digests = mailsOf.get('') ?? []
  return managersOf[form as FormName].every((manager) => {
    const digest = after.told.get(toldKey(reference, manager))
    return (
      mails.some(({ to, role, taken }) => to === manager && role === 'notification' && taken) ||
      (digest !== undefined &&
        digests.some(({ messageId, to, taken }) => messageId === digest && to === manager && taken))
    )
  })
}

/** What the managers got for floods of posts. */
function floodsOf({ world, after }: Run): Report['floods'] {
  // What a manager released goes out as itself, as many as they release.
  const single = world.sent.filter(
    ({ role, reference }) => role === 'notification' && after.rows.get(reference)?.review !== 'released',
  )
  const groups = groupBy(single, ({ form, to }) => `${form} ${to}`)
  const times = new Map([...groups].map(([name, mails]) => [name, mails.map(({ at }) => at)]))
  return {
    mails: world.sent.filter(({ digest }) => digest !== null).length,
    posts: after.told.size,
    perManagerHour: mostPerGroup(times, hour),
  }
}

/** Digests that name other posts than they tell, one twice, or leave some out without saying so. */
function wrongDigests({ world, after }: Run): string[] {
  const told = groupBy([...after.told], ([, digest]) => digest)
  return world.sent.flatMap(({ messageId, to, digest }) => {
    if (digest === null) return []
    const { named, more } = digest
    const posts = new Set(told.get(messageId)?.map(([key]) => key))
    const isRight =
      new Set(named).size === named.length &&
      named.every((reference) => posts.has(toldKey(reference, to))) &&
      named.length + more === posts.size
    return isRight ? [] : [`${messageId} to ${to}: ${named.length} and ${more} of ${posts.size}`]
  })
}

function peopleRows(run: Run, mailsOf: MailsOf): PeopleRow[] {
  const { people, before } = run
  return kindNames.flatMap((kind): PeopleRow[] => {
    const those = people.all.filter((person) => person.kind === kind)
    const [first] = those
    if (first === undefined) return []
    const rows = those.flatMap(({ references }) =>
      [...references].flatMap((reference) => before.rows.get(reference) ?? []),
    )
    const count = (review: string) => rows.filter((row) => row.review === review).length
    const late = those.filter(({ tries }) => tries > 0)
    return [
      {
        kind,
        people: those.length,
        posts: first.tally.posts,
        accepted: count('accepted'),
        quarantined: count('quarantined'),
        unconfirmed: count('unconfirmed'),
        rules: rulesOf(rows),
        delayed: late.length,
        tries: Math.max(0, ...late.map(({ tries }) => tries)),
        longestSeconds: Math.round(
          Math.max(0, ...late.map(({ firstAt, storedAt }) => ((storedAt ?? firstAt) - firstAt) / 1000)),
        ),
        confirmations: rows.filter((row) => gotMail(row, mailsOf)).length,
        held: heldOf(rows, before),
        lost: those.filter((person) => lossOf(person, run, mailsOf).length > 0).length,
      },
    ]
  })
}

// --- attackers --------------------------------------------------------------------------------------------------

function attackRow(tally: Tally, before: Books, mailsOf: MailsOf): AttackRow {
  const rows = [...tally.references].flatMap((reference) => before.rows.get(reference) ?? [])
  return {
    kind: tally.kind,
    posts: tally.posts,
    tooMany: tally.tooMany,
    refused: tally.refused,
    stored: rows.length,
    accepted: rows.filter(({ review }) => review === 'accepted').length,
    unconfirmed: rows.filter(({ review }) => review === 'unconfirmed').length,
    quarantined: rows.filter(({ review }) => review === 'quarantined').length,
    rules: rulesOf(rows),
    confirmations: rows.filter((row) => gotMail(row, mailsOf)).length,
    held: heldOf(rows, before),
  }
}

/** Of those put aside, by the rule that is named first. */
function rulesOf(rows: readonly Row[]): Record<string, number> {
  return countBy(rows.flatMap(({ verdict }) => verdict.reasons[0]?.rule ?? []))
}

function gotMail({ reference }: Row, mailsOf: MailsOf): boolean {
  return mailsOf.get(reference)?.some(({ role, taken }) => role === 'confirmation' && taken) ?? false
}

/** Confirmations that did not go out, by reason. */
function heldOf(rows: readonly Row[], { held }: Books): Record<string, number> {
  return countBy(
    rows.flatMap(({ reference, confirmation }) => {
      if (confirmation === 'held') return held.get(reference)?.heldReason ?? 'no reason'
      return confirmation === 'suppressed' ? 'stopped' : []
    }),
  )
}

/** Whether a rule put it aside. One whose submitter could not be asked, since bots closed the breaker, is suspected of nothing. */
function isSuspected(row: Row | undefined): boolean {
  return row?.review === 'quarantined' && row.verdict.reasons.length > 0
}

/** Whether a manager who looks into the lists sees why somebody got no confirmation. */
function isVisible({ reference, review, email, confirmation }: Row, { held }: Books): boolean {
  if (email === null || review === 'quarantined') return true
  if (confirmation === 'held') return held.get(reference)?.heldReason != null
  return confirmation !== null
}

/** Confirmations as their recipients see them: however an address is written, and whenever the mail was planned. */
function mailsToStrangers({ world, byHand }: Run): Report['strangers'] {
  const { caps } = world.deps.settings
  const mails = world.sent.filter(({ role, messageId }) => role === 'confirmation' && !byHand.has(messageId))
  const most = (by: 'mailbox' | 'domain', windowMs: number, counted: readonly SentMail[]) => {
    const groups = groupBy(counted, (mail) => mail[by])
    return mostPerGroup(new Map([...groups].map(([name, group]) => [name, group.map(({ at }) => at)])), windowMs)
  }
  const isShared = ({ domain }: SentMail) => world.mailboxes.isShared(domain)
  return {
    mails: mails.length,
    perMailboxDay: most('mailbox', caps.perAddress.windowMs, mails),
    perDomainHour: most(
      'domain',
      caps.perDomain.windowMs,
      mails.filter((mail) => !isShared(mail)),
    ),
    perSharedDomainHour: most('domain', caps.perSharedDomain.windowMs, mails.filter(isShared)),
  }
}

/** `fine`: why a mail did not arrive was told; the others heard only that it did not. */
function oracleOf(fates: readonly Fate[]): Report['oracle'] {
  const fine = new Map<string, number[]>()
  const seen = new Set<string>()
  for (const { network, address, at, fine: told } of fates) {
    if (!told || seen.has(`${network} ${address}`)) continue
    seen.add(`${network} ${address}`)
    fine.set(network, [...(fine.get(network) ?? []), at])
  }
  const failed = new Set(fates.map(({ address }) => address)).size
  return { failed, fine: seen.size, finePerNetworkDay: mostPerGroup(fine, day) }
}

// --- counting ---------------------------------------------------------------------------------------------------

function mostPerGroup(groups: ReadonlyMap<string, readonly number[]>, windowMs: number): number {
  return [...groups.values()].reduce((most, times) => Math.max(most, mostWithin(times, windowMs)), 0)
}

/** The most of some times that lie within one window, wherever it begins. */
function mostWithin(times: readonly number[], windowMs: number): number {
  const sorted = [...times].sort((a, b) => a - b)
  let first = 0
  let most = 0
  for (const [last, at] of sorted.entries()) {
    while (at - (sorted[first] ?? at) >= windowMs) first += 1
    most = Math.max(most, last - first + 1)
  }
  return most
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const group = groups.get(keyOf(item))
    if (group === undefined) groups.set(keyOf(item), [item])
    else group.push(item)
  }
  return groups
}

function countBy(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of [...names].sort()) counts[name] = (counts[name] ?? 0) + 1
  return counts
}
