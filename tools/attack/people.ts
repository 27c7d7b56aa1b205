import { type FormName, site } from './forms.ts'
import type { Plan } from './plan.ts'
import type { Random } from './random.ts'
import {
  anIpv6,
  aVisitor,
  type Fields,
  givenBackTo,
  newTally,
  type Posted,
  postForm,
  type Tally,
  type Visitor,
} from './visitor.ts'
import { mark, type SentMail, type World } from './world.ts'

/** One real person, and what became of what they wanted to say. */
export type Person = {
  kind: KindName
  /** In their text, so that it can be found again. */
  marker: string
  form: FormName
  tally: Tally
  /** Their submissions, as they were told of them; more than one is one too many. */
  references: Set<string>
  /** How often they were answered 429. */
  tries: number
  /** When they pressed the button first, and when they were told that it is stored. */
  firstAt: number
  storedAt: number | null
  /** Refusals that did not say what to do, or lost what was typed. */
  speechless: string[]
  /** Where their confirmation should come in the end; null: nowhere. */
  address: string | null
}

/**
 * Who they are. `plain`: nothing about them is suspicious, so that no rule may put them aside; the others share an address
 * with bots, or their browser does what bots do.
 */
const kinds = {
  'no script': { weight: 14, plain: true },
  'with the script': { weight: 10, plain: true },
  'Formspree’s package': { weight: 5, plain: true },
  'writes Japanese': { weight: 8, plain: true },
  'Shift_JIS page': { weight: 3, plain: true },
  'no Origin, no Referer': { weight: 6, plain: true },
  'pastes links': { weight: 5, plain: true },
  'presses twice': { weight: 6, plain: true },
  'lost answers, same key': { weight: 5, plain: true },
  'with a proof of work': { weight: 6, plain: true },
  'no script, proof wanted': { weight: 3, plain: true },
  'mistypes, takes the suggestion': { weight: 6, plain: true },
  'no such mailbox, corrects it': { weight: 5, plain: true },
  'confirms (double opt-in)': { weight: 6, plain: true },
  'is bombed meanwhile': { weight: 3, plain: true },
  'autofill fills the honeypot': { weight: 3, plain: false },
  'autofill, sends at once': { weight: 2, plain: false },
  'campus with a flood': { weight: 2, plain: false },
  'campus, with the script': { weight: 1, plain: false },
  'office with patient bots': { weight: 2, plain: false },
  'carrier with slow bots': { weight: 2, plain: false },
} as const
export type KindName = keyof typeof kinds
export const kindNames = Object.keys(kinds) as KindName[]

export function isPlain(kind: KindName): boolean {
  return kinds[kind].plain
}

export type People = {
  all: readonly Person[]
  /** Called for each confirmation that arrives. */
  receive: (mail: SentMail, links: readonly string[]) => void
  /** Resolves when each of them is done, or has given up. */
  done: Promise<unknown>
}

/** How often somebody who is told to wait tries again before they give up. */
const patience = 40

/** Lets people come while the bots are there. `victims`: addresses that are bombed. */
export function visit(world: World, random: Random, plan: Plan, victims: readonly string[]): People {
  const tallies = new Map<KindName, Tally>()
  const waiting = new Map<string, (links: readonly string[]) => void>()
  const all = shuffled(random, share(plan.people)).map((kind, at): Person => {
    const tally = tallies.get(kind) ?? newTally(kind)
    tallies.set(kind, tally)
    const marker = `${mark}-person-${at}-`
    return {
      kind,
      marker,
      form: 'contact',
      tally,
      references: new Set(),
      tries: 0,
      firstAt: 0,
      storedAt: null,
      speechless: [],
      address: null,
    }
  })

  async function act(person: Person, r: Random): Promise<void> {
    const { kind } = person
    await world.clock.sleep(arrival(plan, kind, r))
    const name = `hito${r.word(6)}`
    const own = r.pick(['gmail.com', 'docomo.ne.jp', 'yahoo.co.jp', `${r.word(8)}.co.jp`])
    const email = world.mailboxes.add(name, own)
    person.address = email
    switch (kind) {
      case 'no script':
        person.form = r.pick(['contact', 'quote', 'open'])
        return await submit(person, r, aVisitor(r), fieldsOf(person, email))
      case 'with the script': {
        person.form = r.pick(['contact', 'quote', 'open'])
        const headers = { 'idempotency-key': r.word(20) }
        return await submit(person, r, scripted(r), [...fieldsOf(person, email), loaded(r)], { headers })
      }
      case 'Formspree’s package': {
        const session = btoa(
          JSON.stringify({ loadedAt: world.clock.now() - r.between(8_000, 200_000), webdriver: false }),
        )
        const headers = { 'formspree-client': '@formspree/ajax@1.1.5', 'formspree-session-data': session }
        return await submit(person, r, scripted(r), fieldsOf(person, email), { headers, multipart: true })
      }
      case 'writes Japanese':
        person.form = r.pick(['contact', 'quote'])
        return await submit(person, r, aVisitor(r, { language: 'ja' }), [
          ['name', '山田　花子'],
          ['email', email],
          [
            'message',
            `${person.marker}お世話になっております。見積もりをお願いいたします。\r\nよろしくお願いいたします。`,
          ],
        ])
      case 'Shift_JIS page': {
        const message = encodeURIComponent(person.marker)
        const encoded = `name=%8ER%93c&email=${encodeURIComponent(email)}&message=${message}%82%B1%82%F1&_charset_=Shift_JIS`
        return await submit(person, r, aVisitor(r, { language: 'ja' }), [], { encoded })
      }
      case 'no Origin, no Referer':
        person.form = r.pick(['contact', 'quote', 'open'])
        return await submit(person, r, aVisitor(r, { origin: r.chance(0.5) ? null : 'null' }), fieldsOf(person, email))
      case 'pastes links': {
        const links = Array.from({ length: r.between(1, 8) }, () => `https://www.${r.word(8)}.jp/${r.word(6)}`)
        return await submit(person, r, aVisitor(r), fieldsOf(person, email, links.join('\r\n')))
      }
      case 'presses twice': {
        const visitor = aVisitor(r)
        const fields = fieldsOf(person, email)
        await Promise.all([submit(person, r, visitor, fields), submit(person, r, visitor, fields)])
        return
      }
      case 'lost answers, same key': {
        const headers = { 'idempotency-key': r.word(20) }
        const visitor = scripted(r)
        const fields = [...fieldsOf(person, email), loaded(r)]
        for (let time = 0; time < 3; time += 1) {
          await submit(person, r, visitor, fields, { headers })
          await world.clock.sleep(r.between(5_000, 600_000))
        }
        return
      }
      case 'with a proof of work': {
        person.form = 'news'
        const visitor = scripted(r)
        const { json } = await world.request(visitor.network, '/f/news/challenge')
        await world.clock.sleep(r.between(1_000, 5_000))
        const proof = json === null ? '' : world.solve(json)
        return await submit(person, r, visitor, [...fieldsOf(person, email), loaded(r), ['altcha', proof]])
      }
      case 'no script, proof wanted':
        person.form = 'news'
        return await submit(person, r, aVisitor(r), fieldsOf(person, email))
      case 'mistypes, takes the suggestion': {
        const meant = world.mailboxes.add(name, 'gmail.com')
        const visitor = aVisitor(r)
        const posted = await submitted(person, r, visitor, fieldsOf(person, `${name}@gmial.com`))
        person.address = await corrects(visitor, posted, r, (hint) => hint ?? meant)
        return
      }
      case 'no such mailbox, corrects it': {
        const visitor = aVisitor(r)
        const wrong = world.mailboxes.addMissing(`${name}x`, own)
        const posted = await submitted(person, r, visitor, fieldsOf(person, wrong))
        person.address = (await corrects(visitor, posted, r, () => email)) ?? wrong
        return
      }
      case 'confirms (double opt-in)': {
        person.form = 'club'
        const arrived = new Promise<readonly string[]>((resolve) => waiting.set(email, resolve))
        const visitor = aVisitor(r)
        await submit(person, r, visitor, fieldsOf(person, email))
        // Who gets no mail for a day does not look any more; the managers can see the post all the same.
        const links = await Promise.race([arrived, world.clock.sleep(20 * 3_600_000)])
        const link = links?.find((each) => each.includes('/confirm/'))
        if (link === undefined) return
        await world.clock.sleep(r.between(20_000, 600_000))
        await world.request(visitor.network, new URL(link).pathname)
        await world.request(visitor.network, new URL(link).pathname, { method: 'POST' })
        return
      }
      case 'is bombed meanwhile':
        person.address = r.pick(victims)
        return await submit(person, r, aVisitor(r), fieldsOf(person, person.address))
      case 'autofill fills the honeypot':
        return await submit(person, r, aVisitor(r), [...fieldsOf(person, email), ['_gotcha', '090-1234-5678']])
      case 'autofill, sends at once':
        return await submit(person, r, scripted(r), [
          ...fieldsOf(person, email),
          ['_loaded', String(r.between(900, 2_500))],
        ])
      case 'campus with a flood':
      case 'campus, with the script':
      case 'office with patient bots': {
        const flood = floodFor(plan, kind)
        person.form = flood.form
        const changes = { network: { address: flood.network } }
        const isScripted = kind === 'campus, with the script' || (kind === 'office with patient bots' && r.chance(0.5))
        const visitor = isScripted ? scripted(r, changes) : aVisitor(r, changes)
        const more = visitor.way === 'script' ? { headers: { 'idempotency-key': r.word(20) } } : {}
        return await submit(person, r, visitor, fieldsOf(person, email), more)
      }
      case 'carrier with slow bots': {
        const address = r.chance(0.5) ? r.pick(plan.carriers) : anIpv6(r)
        return await submit(person, r, aVisitor(r, { network: { address } }), fieldsOf(person, email))
      }
    }
  }

  async function submit(...given: Parameters<typeof submitted>): Promise<void> {
    await submitted(...given)
  }

  /** Posts until it is stored, as people do who read what they are told. */
  async function submitted(
    person: Person,
    r: Random,
    visitor: Visitor,
    fields: Fields,
    more: { encoded?: string; headers?: Record<string, string>; multipart?: boolean } = {},
  ): Promise<Posted | null> {
    person.firstAt ||= world.clock.now()
    let path: string | null = null
    for (let time = 0; time < patience; time += 1) {
      const posted: Posted = await postForm(world, person.tally, visitor, person.form, fields, {
        ...more,
        ...(path === null ? {} : { path }),
      })
      if (posted.reference !== null) {
        person.storedAt ??= world.clock.now()
        person.references.add(posted.reference)
        return posted
      }
      if (posted.status === 429) person.tries += 1
      const wait = Number(posted.headers.get('retry-after'))
      path = givenBackTo(posted)
      const told =
        visitor.way === 'script'
          ? typeof posted.json?.message === 'string' && posted.json.message !== ''
          : path !== null && posted.text.includes(person.marker)
      if (!told || !(wait > 0)) person.speechless.push(`${posted.status} ${posted.text.slice(0, 200)}`)
      // As told, and then a moment; who was sent away again and again waits longer.
      await world.clock.sleep(wait * 1000 + r.between(500, 15_000) * (1 + Math.floor(time / 4)))
    }
    return null
  }

  /** Looks at the status page until it offers a correction, and gives another address. Null where it never did. */
  async function corrects(
    visitor: Visitor,
    posted: Posted | null,
    r: Random,
    choose: (suggestion: string | null) => string,
  ): Promise<string | null> {
    if (posted === null || posted.statusPath === null) return null
    for (let look = 0; look < 5; look += 1) {
      await world.clock.sleep(r.between(5_000, 60_000))
      const { json } = await world.request(visitor.network, `${posted.statusPath}.json`)
      if ((json?.actions as { correct?: boolean } | undefined)?.correct !== true) continue
      const [mail] = (json?.messages ?? []) as { suggestion: string | null }[]
      const email = choose(mail?.suggestion ?? null)
      const answer = await world.request(visitor.network, `${posted.statusPath}/correct`, {
        method: 'POST',
        body: new URLSearchParams({ email }).toString(),
        headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'text/html', origin: site },
      })
      return answer.status === 303 ? email : null
    }
    return null
  }

  return {
    all,
    receive({ to }, links) {
      waiting.get(to)?.(links)
    },
    done: Promise.all(all.map((person, at) => act(person, random.fork(`person ${at}`)))),
  }
}

function scripted(r: Random, changes: Partial<Visitor> = {}): Visitor {
  return aVisitor(r, { way: 'script', ...changes })
}

function loaded(r: Random): readonly [string, string] {
  return ['_loaded', String(r.between(4_000, 300_000))]
}

function fieldsOf({ marker }: Person, email: string, more = ''): Fields {
  return [
    ['name', `Hanako ${mark}`],
    ['email', email],
    ['message', `${marker}${more === '' ? 'please call me back' : more}`],
  ]
}

/** When somebody comes: mostly while bots are there, those who share their network just then. */
function arrival(plan: Plan, kind: KindName, r: Random): number {
  if (kind === 'campus with a flood' || kind === 'campus, with the script' || kind === 'office with patient bots') {
    const flood = floodFor(plan, kind)
    return r.between(flood.start, flood.end + 5_000)
  }
  const wave = r.chance(0.7) ? plan.waves[0] : plan.waves.at(-1)
  return r.between(wave?.start ?? 0, wave?.end ?? 0)
}

function floodFor({ floods }: Plan, kind: KindName): Plan['floods'][number] {
  const wanted = floods.filter(({ perSecond }) => perSecond >= 100 === kind.startsWith('campus'))
  const [flood] = wanted
  if (flood === undefined) throw new RangeError('there is no flood')
  return flood
}

/** So many of each kind that they are `count` together, and each kind is there where there are enough. */
function share(count: number): KindName[] {
  const total = kindNames.reduce((sum, kind) => sum + kinds[kind].weight, 0)
  const given = kindNames.map((kind) => ({ kind, part: (kinds[kind].weight * count) / total }))
  const people = given.flatMap(({ kind, part }) => Array.from({ length: Math.floor(part) }, () => kind))
  const rest = given.sort((a, b) => (b.part % 1) - (a.part % 1)).map(({ kind }) => kind)
  return [...people, ...rest.slice(0, count - people.length)]
}

function shuffled<T>(random: Random, list: readonly T[]): T[] {
  return list
    .map((item) => ({ item, order: random.fraction() }))
    .sort((a, b) => a.order - b.order)
    .map(({ item }) => item)
}
