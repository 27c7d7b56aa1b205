/**
 * Promise: a post is answered when it is on the disk, and quickly. Posts per second and waiting time of the built server,
 * compared with the least that could do the same.
 *
 * Todoku is measured twice. `relay silent`: its relay takes connections and never greets, so that mail is planned and
 * stored but none goes out, and the sender rests. (A closed port would not rest: each attempt fails, and is written down.)
 * `sending`: the relay takes everything at once, and delivery shares the process with intake.
 */
import type { FloorTask } from './children/http-floor.ts'
import type { LoadTask, Measured } from './children/load.ts'
import { ratiosOf, rotated, rowsOf, type Sample } from './figures.ts'
import { type Child, cpuFigure, cpuMs, portOf, remove, startChild, temporaryFolder } from './processes.ts'
import type { Options, Report } from './report.ts'
import { postUnmeasured, startTodoku, storePosts, type Todoku } from './todoku.ts'

const systems = {
  silent: 'todoku, relay silent',
  sending: 'todoku, sending',
  group: 'bare node:http, group commit',
  single: 'bare node:http, a transaction per post',
  none: 'bare node:http, nothing stored',
} as const
type System = keyof typeof systems

/** Connections of Todoku to its relay: the default. */
const relayConnections = 5

/** Measures intake. Nothing of it remains. */
export async function measureIntake({ repeats, quick, folder, progress }: Options): Promise<Report> {
  const connections = quick ? [16] : [1, 16, 64]
  const warmUp = { posts: quick ? 200 : 3000, ms: quick ? 100 : 500 }
  const measureMs = quick ? 400 : 2000
  const rowBytes = await bytesPerPost(folder)
  let bodyBytes = 0

  const samples: Sample[][] = []
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    const ofRepeat: Sample[] = []
    for (const system of rotated(Object.keys(systems) as System[], repeat)) {
      progress(`intake ${repeat + 1}/${repeats}: ${systems[system]}`)
      ofRepeat.push(...(await measure(system)))
    }
    samples.push(ofRepeat)
  }
  return {
    promise: 'intake',
    about: {
      load: `closed loop over kept connections, own process; ${measureMs / 1000} s each, after ${warmUp.posts} posts and ${warmUp.ms / 1000} s of warm-up`,
      post: `urlencoded, 8 fields, ${bodyBytes} bytes, each body another one; answered 303`,
      todoku: `built server, defaults, WAL, synchronous=FULL; each post causes 2 mails, ${relayConnections} connections to the relay`,
      floors: `WAL, synchronous=FULL, one row of ${rowBytes} bytes per post (what Todoku’s database grows by)`,
    },
    rows: rowsOf(samples),
    ratios: ratiosOf(samples, 'posts/s', [
      [systems.silent, systems.group],
      [systems.silent, systems.single],
      [systems.silent, systems.none],
      [systems.sending, systems.silent],
      [systems.group, systems.none],
    ]),
  }

  async function measure(system: System): Promise<Sample[]> {
    const data = temporaryFolder(folder)
    let relay: Child | null = null
    let server: Server
    if (system === 'silent' || system === 'sending') {
      relay = startChild('sink', { silent: system === 'silent' })
      server = await startTodoku(data, { port: await portOf(relay), connections: relayConnections })
    } else server = await startFloor({ folder: data, store: system, rowBytes })
    await postUnmeasured(server.port, warmUp.posts)
    const found: Sample[] = []
    for (const count of connections) found.push(await measureLoad(system, server, relay, count))
    await server.end()
    await relay?.end()
    remove(data)
    return found
  }

  async function measureLoad(system: System, server: Server, relay: Child | null, count: number): Promise<Sample> {
    const task: LoadTask = { port: server.port, connections: count, warmUpMs: warmUp.ms, measure: { ms: measureMs } }
    const load = startChild('load', task)
    await load.next('measuring')
    const [before, mailsBefore] = [cpuMs(server.process), await mailsTaken(relay)]
    const measured = await load.next<Measured>('measured')
    const { posts, ms, p50, p99, refused, cpuMs: own } = measured
    bodyBytes = measured.bodyBytes
    const [after, mailsAfter] = [cpuMs(server.process), await mailsTaken(relay)]
    await load.end()
    if (refused > 0) throw new Error(`${systems[system]} refused ${refused} of ${posts} posts`)
    return {
      system: systems[system],
      setting: `${count} connection${count === 1 ? '' : 's'}`,
      figures: {
        'posts/s': (posts * 1000) / ms,
        'p50 ms': p50,
        'p99 ms': p99,
        ...cpuFigure('server CPU µs/post', before, after, posts),
        'load CPU µs/post': (own * 1000) / posts,
        ...(system === 'sending' ? { 'mails/s': ((mailsAfter - mailsBefore) * 1000) / ms } : {}),
      },
    }
  }
}

type Server = Pick<Todoku, 'process' | 'port' | 'end'>

async function mailsTaken(relay: Child | null): Promise<number> {
  if (relay === null) return 0
  relay.send({ kind: 'count' })
  return (await relay.next<{ count: number }>('count')).count
}

async function startFloor(task: FloorTask): Promise<Server> {
  const floor = startChild('http-floor', task)
  return { process: floor.process, port: await portOf(floor), end: floor.end }
}

/** How much the database grows by with one post of ours. */
async function bytesPerPost(folder: string): Promise<number> {
  const data = temporaryFolder(folder)
  const few = await storePosts(data, 500)
  const more = await storePosts(data, 1000)
  remove(data)
  return Math.round((more - few) / 1000)
}
