import type { FormName } from './forms.ts'
import { site } from './forms.ts'
import type { Random } from './random.ts'
import { type Answer, mark, type Network, type World } from './world.ts'

/** What became of the posts of one kind of visitor, as far as answers tell. */
export type Tally = {
  kind: string
  posts: number
  /** Answered 429. */
  tooMany: number
  /** Refused otherwise: something was wrong with the post itself. */
  refused: number
  /** Submissions that they were told of. */
  references: Set<string>
}

export function newTally(kind: string): Tally {
  return { kind, posts: 0, tooMany: 0, refused: 0, references: new Set() }
}

export type Visitor = {
  network: Network
  agent: string
  /** How the post leaves the browser: a page's form without script, or a script of the page. */
  way: 'page' | 'script'
  /** Of the page; null: the browser tells none. */
  origin: string | null
  language?: string
}

export type Fields = readonly (readonly [name: string, value: string])[]

/** What a post was answered with, read as its sender reads it. */
export type Posted = Answer & {
  /** Null where it was not taken. */
  reference: string | null
  /** Path of the status page. */
  statusPath: string | null
}

/**
 * Posts a form as a browser does, or a program that passes for one.
 *
 * @param more `path`: where to, if not to the form's own address; `encoded`: the body as it is; `headers`: further ones
 */
export async function postForm(
  world: World,
  tally: Tally,
  visitor: Visitor,
  form: FormName,
  fields: Fields,
  more: { path?: string; encoded?: string; headers?: Record<string, string>; multipart?: boolean } = {},
): Promise<Posted> {
  tally.posts += 1
  const { network, agent, way, origin } = visitor
  const headers = new Headers({
    'user-agent': agent,
    'accept-language': visitor.language ?? 'en',
    accept: way === 'page' ? 'text/html,application/xhtml+xml' : 'application/json',
    ...(origin === null ? {} : { origin, ...(way === 'script' ? { 'sec-fetch-mode': 'cors' } : {}) }),
    ...more.headers,
  })
  let body: string
  if (more.multipart === true) {
    const boundary = 'simulated-boundary'
    headers.set('content-type', `multipart/form-data; boundary=${boundary}`)
    body = `${fields.map(([name, value]) => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`).join('')}--${boundary}--\r\n`
  } else {
    headers.set('content-type', 'application/x-www-form-urlencoded')
    body = more.encoded ?? new URLSearchParams(fields.map(([name, value]) => [name, value])).toString()
  }
  const answer = await world.request(network, more.path ?? `/f/${form}`, { method: 'POST', body, headers })
  const posted = read(answer)
  if (posted.reference !== null) {
    tally.references.add(posted.reference)
    noteTaken(world, network.address)
  } else if (answer.status === 429) tally.tooMany += 1
  else tally.refused += 1
  return posted
}

/** By network: a whole IPv4 address, or the first half of an IPv6 one. */
function noteTaken({ taken, clock }: World, address: string): void {
  const network = address.includes(':') ? address.split(':').slice(0, 4).join(':') : address
  const times = taken.get(network) ?? []
  times.push(clock.now())
  taken.set(network, times)
}

function read(answer: Answer): Posted {
  const receipt = answer.json?.receipt as { url?: string } | undefined
  const target = receipt?.url ?? decodeURIComponent(answer.headers.get('location') ?? '')
  const [, statusPath = null, reference = null] = /(\/s\/([A-Z0-9-]+)\/[^/?#\s]+)$/.exec(target) ?? []
  return { ...answer, reference, statusPath }
}

/** Where a form that was given back posts to. */
export function givenBackTo(answer: Answer): string | null {
  const action = /<form method="post" action="([^"]+)"/.exec(answer.text)?.[1]
  return action === undefined ? null : action.replaceAll('&amp;', '&')
}

const browsers = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/144.0',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Safari/605',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) Safari/605',
  'Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Firefox/141.0',
  'Mozilla/5.0 (Linux; Android 16) Chrome/143.0 Mobile',
]

export function anAgent(random: Random): string {
  return `${random.pick(browsers)} ${random.between(1, 40)}.${random.between(0, 9)}`
}

export function anIpv4(random: Random): string {
  return `${random.between(11, 126)}.${random.between(0, 255)}.${random.between(0, 255)}.${random.between(1, 254)}`
}

/** One of the addresses of a network with a /48, or whatever network comes. */
export function anIpv6(random: Random, prefix = `2a01:${random.between(1, 9999)}:${random.between(1, 99)}`): string {
  const group = () => random.between(0, 0xffff).toString(16)
  return `${prefix}:${group()}:${group()}:${group()}:${group()}:${group()}`
}

/** A page's visitor whom nothing distinguishes. */
export function aVisitor(random: Random, changes: Partial<Visitor> = {}): Visitor {
  return { network: { address: anIpv4(random) }, agent: anAgent(random), way: 'page', origin: site, ...changes }
}

/** A text as somebody types it, a different one each time; what is typed has the mark. */
export function aText(random: Random, words = 12): string {
  return `${mark} ${Array.from({ length: words }, () => random.word(random.between(2, 9))).join(' ')}`
}
