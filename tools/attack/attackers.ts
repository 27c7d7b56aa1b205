import { type FormName, formNames, site } from './forms.ts'
import type { Plan } from './plan.ts'
import type { Random } from './random.ts'
import {
  anAgent,
  anIpv4,
  anIpv6,
  aText,
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

/** What a bot that tests addresses was told of one. */
export type Fate = { at: number; network: string; address: string; fine: boolean }

/** What the attackers leave behind for the audit. */
export type Attack = {
  tallies: readonly Tally[]
  /** People whose addresses bots type in. */
  victims: readonly string[]
  fates: readonly Fate[]
  /** Puzzles that bots solved honestly. */
  solved: () => number
  /** Requests that are no posts of forms: scanners, stop links. */
  scanned: () => number
  /** Mailboxes whose owners said “this wasn't me”, and when; and of which submissions. */
  stops: ReadonlyMap<string, number>
  disowned: ReadonlySet<string>
  /** Called for each confirmation that arrives at somebody's. */
  receive: (mail: SentMail, links: readonly string[]) => void
  /** Resolves when the last bot has gone. */
  done: Promise<unknown>
}

type Kind = { name: string; share: number; act: (random: Random) => Promise<unknown> }

/** Lets all attackers loose on a world; each kind comes at its own pace during the waves. */
export function attack(world: World, random: Random, plan: Plan): Attack {
  const tallies = new Map<string, Tally>()
  const tallyOf = (kind: string) => {
    const tally = tallies.get(kind) ?? newTally(kind)
    tallies.set(kind, tally)
    return tally
  }
  const fates: Fate[] = []
  const stops = new Map<string, number>()
  const disowned = new Set<string>()
  let solved = 0
  let scanned = 0
  const people = victimsOf(world, random.fork('victims'))
  const { individuals, company, strangers } = people
  const botnet = random.fork('botnet')
  const networks = Array.from({ length: 3000 }, () => anIpv4(botnet))
  const prefixes = Array.from({ length: 30 }, () => `2a02:${botnet.between(1, 9999)}:${botnet.between(1, 99)}`)
  const oracles = Array.from({ length: 2 }, () => anIpv4(botnet))

  const bot = (r: Random, changes: Partial<Visitor> = {}): Visitor => {
    const address = r.chance(0.3) ? anIpv6(r, r.pick(prefixes)) : r.pick(networks)
    const network = r.chance(0.2) ? { address, forged: `127.0.0.1, ${anIpv4(r)}` } : { address }
    return aVisitor(r, { network, origin: r.chance(0.7) ? site : null, ...changes })
  }
  const send = (kind: string, visitor: Visitor, form: FormName, fields: Fields, more = {}) =>
    postForm(world, tallyOf(kind), visitor, form, fields, more)
  const victim = (r: Random) =>
    r.chance(plan.careful ? 0.3 : 0.6)
      ? world.mailboxes.spelling(r.pick(individuals), r)
      : r.pick(r.chance(0.5) ? company : strangers)
  const typed = (r: Random, email: string, message = aText(r)): Fields => [
    ['name', `${mark} ${r.word(6)}`],
    ['email', email],
    ['message', message],
  ]
  const bombed = new Set(individuals.map((address) => world.mailboxes.find(address).mailbox))
  const repeated = Array.from({ length: 3 }, () => aText(botnet, 20))
  let replayed: string | null = null

  const kinds: Kind[] = [
    {
      name: 'list bombing',
      share: 0.25,
      act: (r) => send('list bombing', bot(r), r.pick(formNames), typed(r, victim(r))),
    },
    {
      name: 'slow bots, many agents',
      share: 0.1,
      act: (r) => {
        const address = r.chance(0.1) ? r.pick(plan.carriers) : r.pick(networks)
        const email = r.chance(plan.careful ? 0.99 : 0.7)
          ? r.pick(strangers)
          : world.mailboxes.addMissing(r.word(9), 'mailhost.co.jp')
        return send('slow bots, many agents', bot(r, { network: { address } }), r.pick(formNames), typed(r, email))
      },
    },
    {
      name: 'honeypot fillers',
      share: 0.06,
      act: (r) =>
        send('honeypot fillers', bot(r), r.pick(formNames), [...typed(r, r.pick(strangers)), ['_gotcha', aText(r, 2)]]),
    },
    {
      name: 'fast bots',
      share: 0.05,
      act: (r) =>
        send('fast bots', bot(r), r.pick(formNames), [
          ...typed(r, victim(r)),
          ['_loaded', String(r.between(20, 1900))],
        ]),
    },
    {
      name: 'steered browsers',
      share: 0.03,
      act: (r) =>
        send('steered browsers', bot(r, { way: 'script' }), r.pick(formNames), [
          ...typed(r, victim(r)),
          ['_webdriver', '1'],
          ['_loaded', String(r.between(2500, 60_000))],
        ]),
    },
    {
      name: 'link spam',
      share: 0.06,
      act: (r) => {
        const links = Array.from({ length: r.between(1, 30) }, () => `http://${r.word(9)}.example/${r.word(4)}`)
        return send(
          'link spam',
          bot(r),
          r.pick(formNames),
          typed(r, r.pick(strangers), `${aText(r)} ${links.join(' ')}`),
        )
      },
    },
    {
      name: 'BBCode and HTML',
      share: 0.04,
      act: (r) => {
        const link = r.chance(0.5)
          ? `[url=http://${r.word(8)}.example]x[/url]`
          : `<a href="http://${r.word(8)}.example">x</a>`
        return send('BBCode and HTML', bot(r), r.pick(formNames), typed(r, r.pick(strangers), `${aText(r)} ${link}`))
      },
    },
    {
      name: 'one text, many networks',
      share: 0.04,
      act: (r) => send('one text, many networks', bot(r), 'contact', typed(r, r.pick(strangers), r.pick(repeated))),
    },
    {
      name: 'replayed proof of work',
      share: 0.03,
      act: async (r) => {
        const visitor = bot(r)
        if (replayed === null || r.chance(0.01)) {
          replayed = await solve(world, visitor)
          if (replayed !== null) solved += 1
        }
        const fields: Fields = [...typed(r, victim(r)), ['altcha', replayed ?? 'bm9uZQ==']]
        return await send('replayed proof of work', visitor, 'news', fields)
      },
    },
    {
      name: 'honest proof of work',
      share: 0.005,
      act: async (r) => {
        const visitor = bot(r)
        const proof = await solve(world, visitor)
        if (proof === null) return
        solved += 1
        await world.clock.sleep(r.between(1000, 3000))
        return await send('honest proof of work', visitor, 'news', [...typed(r, victim(r)), ['altcha', proof]])
      },
    },
    {
      name: 'forged Origin, Referer',
      share: 0.03,
      act: (r) => {
        const origin = r.pick(['https://evil.example', site, 'null', 'https://www.shop.example.jp.evil.example'])
        const headers = { referer: r.pick([`${site}/quote.html`, 'https://evil.example/', 'no url']) }
        return send('forged Origin, Referer', bot(r, { origin }), 'quote', typed(r, victim(r)), { headers })
      },
    },
    {
      name: 'header tricks',
      share: 0.03,
      act: (r) => send('header tricks', bot(r), r.pick(formNames), trickFields(r, victim(r))),
    },
    {
      name: 'idempotency keys',
      share: 0.02,
      act: (r) => {
        const key = r.pick(['1', 'key', 'a'.repeat(200), 'ü', 'x'.repeat(400)])
        const fields = typed(r, r.pick(individuals), r.chance(0.5) ? `${mark} the same` : aText(r))
        const own = r.chance(0.5) ? { headers: { 'idempotency-key': encodeURIComponent(key) } } : {}
        return send('idempotency keys', bot(r), r.pick(formNames), [...fields, ['_idempotency', key]], own)
      },
    },
    { name: 'address oracle', share: plan.careful ? 0.003 : 0.015, act: (r) => oracle(r) },
    { name: 'correcting to others', share: plan.careful ? 0.002 : 0.015, act: (r) => correctToOthers(r) },
  ]

  async function oracle(r: Random): Promise<void> {
    const network = r.pick(oracles)
    const name = r.word(7)
    const address = r.chance(0.5)
      ? world.mailboxes.add(name, r.pick(['mailhost.co.jp', 'gmail.com']))
      : world.mailboxes.addMissing(name, r.pick(['mailhost.co.jp', 'gmail.com']))
    const visitor = bot(r, { network: { address: network } })
    const posted = await send('address oracle', visitor, r.pick(['contact', 'open', 'quote']), typed(r, address))
    if (posted.statusPath === null) return
    for (const wait of [5_000, 60_000]) {
      await world.clock.sleep(wait)
      const { json } = await world.request({ address: network }, `${posted.statusPath}.json`)
      const mails = (json?.messages ?? []) as { role: string; state: string; reason: string | null }[]
      const mail = mails.find(({ role }) => role === 'confirmation')
      if (mail === undefined || !mail.state.startsWith('bounced')) continue
      fates.push({ at: world.clock.now(), network, address, fine: mail.reason !== 'not-delivered' })
    }
  }

  async function correctToOthers(r: Random): Promise<void> {
    const kind = 'correcting to others'
    const visitor = bot(r)
    const nobody = world.mailboxes.addMissing(r.word(8), `${r.word(8)}.co.jp`)
    const posted = await send(kind, visitor, r.pick(['contact', 'open']), typed(r, nobody))
    if (posted.statusPath === null) return
    for (let round = 0; round < 5; round += 1) {
      await world.clock.sleep(r.between(1_000, 20_000))
      const correct = r.chance(0.8)
      const body = new URLSearchParams({ email: r.chance(0.2) ? `${victim(r)}\r\nBcc: x@example.jp` : victim(r) })
      await world.request(visitor.network, `${posted.statusPath}/${correct ? 'correct' : 'resend'}`, {
        method: 'POST',
        body: body.toString(),
        headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'text/html' },
      })
    }
  }

  /** From one address. Those that come slowly read their answers, and press again where a page says so. */
  async function flood({ network, start, perSecond, posts, form }: Plan['floods'][number], r: Random): Promise<void> {
    const name = perSecond >= 100 ? 'flood from one address' : 'patient flood, reads answers'
    await world.clock.sleep(start)
    const agents = [anAgent(r), anAgent(r)]
    const pending: Promise<unknown>[] = []
    for (let post = 0; post < posts; post += 1) {
      const visitor = aVisitor(r, { network: { address: network }, agent: r.pick(agents) })
      pending.push(floodPost(name, visitor, form, typed(r, victim(r)), perSecond < 100))
      if ((post + 1) % Math.max(1, perSecond / 100) < 1) await world.clock.sleep(Math.max(10, 1000 / perSecond))
    }
    await Promise.all(pending)
  }

  async function floodPost(name: string, visitor: Visitor, form: FormName, fields: Fields, reads: boolean) {
    const posted: Posted = await send(name, visitor, form, fields)
    const path = posted.status === 429 && reads ? givenBackTo(posted) : null
    if (path === null) return
    await world.clock.sleep(6_000)
    await send(name, visitor, form, fields, { path })
    // The same turn once more: each is good for one post.
    await send(name, visitor, form, fields, { path })
  }

  /** Posts over the waves, at random times. */
  async function during({ name, share, act }: Kind): Promise<void> {
    const r = random.fork(name)
    const pending: Promise<unknown>[] = []
    for (const wave of plan.waves) {
      const count = Math.round(plan.posts * share * wave.share)
      const mean = (wave.end - wave.start) / (count + 1)
      const begun = world.clock.monotonic()
      await world.clock.sleep(wave.start - begun)
      for (let post = 0; post < count; post += 1) {
        await world.clock.sleep(r.pause(mean))
        pending.push(act(r))
      }
    }
    await Promise.all(pending)
  }

  const receiving = random.fork('receiving')
  const scanner = anIpv4(receiving)
  const scanning: Promise<unknown>[] = []

  async function scan(links: readonly string[]): Promise<void> {
    for (const link of links) {
      const path = new URL(link).pathname
      scanned += 2
      await world.request({ address: scanner }, path, { method: 'HEAD' })
      await world.request({ address: scanner }, path, { headers: { accept: 'text/html' } })
      if (path.startsWith('/stop/')) await world.request({ address: scanner }, `${path}/undo`)
    }
  }

  async function stop({ mailbox, reference }: SentMail, links: readonly string[]): Promise<void> {
    await world.clock.sleep(60_000)
    const link = links.find((each) => each.includes('/stop/'))
    if (link === undefined) return
    const answer = await world.request({ address: scanner }, new URL(link).pathname, { method: 'POST' })
    if (answer.status !== 303) return
    stops.set(mailbox, world.clock.now())
    disowned.add(reference)
  }

  return {
    tallies: [
      ...kinds.map(({ name }) => tallyOf(name)),
      ...plan.floods.map(({ perSecond }) =>
        tallyOf(perSecond >= 100 ? 'flood from one address' : 'patient flood, reads answers'),
      ),
    ].filter((tally, at, all) => all.indexOf(tally) === at),
    victims: individuals,
    fates,
    solved: () => solved,
    scanned: () => scanned,
    stops,
    disowned,
    receive(mail, links) {
      const { mailbox } = mail
      if (receiving.chance(0.3)) scanning.push(scan(links))
      // Some of those who are bombed say so, once.
      if (bombed.has(mailbox) && !stops.has(mailbox) && receiving.chance(0.1)) {
        stops.set(mailbox, Number.POSITIVE_INFINITY)
        scanning.push(stop(mail, links))
      }
    },
    done: Promise.all([...kinds.map(during), ...plan.floods.map((one, at) => flood(one, random.fork(`flood ${at}`)))]),
  }
}

/** People who get mail that they did not ask for. */
function victimsOf(world: World, random: Random) {
  const { add } = world.mailboxes
  const name = () => `${random.word(5)}${random.word(4)}`
  const domains = [
    ...['gmail.com', 'proton.me', 'docomo.ne.jp', 'yahoo.co.jp', 'shisho.co.jp', '日本語.jp'],
    ...['gmail.com', 'icloud.com', 'yandex.com', 'yahoo.co.jp', 'shisho.co.jp', '日本語.jp'],
  ]
  return {
    individuals: Array.from({ length: 24 }, (_, at) => add(name(), domains[at % domains.length] ?? 'gmail.com')),
    company: Array.from({ length: 400 }, () => add(name(), 'kigyo.co.jp')),
    strangers: Array.from({ length: 2000 }, () =>
      add(name(), random.pick(['gmail.com', 'icloud.com', 'mailhost.co.jp', `${random.word(7)}.co.jp`])),
    ),
  }
}

/** Null where no puzzle was given out. */
async function solve(world: World, { network }: Visitor): Promise<string | null> {
  const { status, json } = await world.request(network, '/f/news/challenge')
  return status === 200 && json !== null ? world.solve(json) : null
}

/** Everything that ends a header, or turns one, in every field that reaches a mail. */
function trickFields(random: Random, email: string): Fields {
  const breaks = ['\r\n', '\n', '\r', '\u2028', '\u0085', '\v', '%0d%0a', '=0D=0A', '\0']
  const inject = () =>
    `${mark}${random.pick(breaks)}Bcc: ${random.word(5)}@example.jp${random.pick(breaks)}X-${mark}: 1\u202e`
  return [
    ['name', inject()],
    ['email', random.chance(0.3) ? `${email}${random.pick(breaks)}Bcc: ${random.word(5)}@example.jp` : email],
    ['message', `${aText(random)}\r\n.\r\nMAIL FROM:<>\r\n{{ submission.status_url }}{% raw %}`],
    ['_subject', random.chance(0.3) ? `=?utf-8?Q?${mark}=0D=0ABcc:x?=` : inject()],
    ['_replyto', `${random.word(5)}@example.jp${random.pick(breaks)}Cc: a@example.jp`],
    ['_cc', `${random.word(5)}@example.jp,${email}`],
    ['from_name', inject()],
    ['_email.from', `${mark} <${random.word(4)}@example.jp>`],
    ['_next', `//${mark}.example/${random.pick(breaks)}Set-Cookie: a=b`],
    ['_language', random.pick(['ja', 'xx\r\n', 'en'])],
    ['_to', `${random.word(6)}@example.jp`],
    ['_autoresponse', inject()],
    ['_webhook', 'http://127.0.0.1/'],
  ]
}
