import { attack } from './attackers.ts'
import { audit, type Books, type Report, readBooks, waitingPeople } from './audit.ts'
import { createMailboxes } from './mailboxes.ts'
import { visit } from './people.ts'
import { planAttack } from './plan.ts'
import { randomFrom } from './random.ts'
import { openWorld, type World } from './world.ts'

export type { Report } from './audit.ts'

/** A Monday, so that whatever depends on the day of a run does not. */
const start = Date.UTC(2026, 5, 1)

/**
 * Attacks one instance with about `posts` posts while `people` real people try to use it, and looks at what came of it.
 * The same seed gives the same report.
 */
export async function simulateAttack(options: { seed: string; posts: number; people: number }): Promise<Report> {
  const random = randomFrom(options.seed)
  const mailboxes = createMailboxes()
  const plan = planAttack(random.fork('plan'), options)
  const world = await openWorld(random.fork('world'), mailboxes, { start, outageUntil: start + plan.outageUntil })
  try {
    const attackers = attack(world, random.fork('attack'), plan)
    const people = visit(world, random.fork('people'), plan, attackers.victims)
    world.onConfirmation((mail, links) => {
      attackers.receive(mail, links)
      people.receive(mail, links)
    })
    await world.runUntil(start + plan.end)

    // The bots have gone. Managers look into their lists, and let go what people like us wrote.
    const before = await readBooks(world)
    const waiting = waitingPeople(people, before)
    for (const reference of waiting.references) {
      await world.operate(`/submissions/${reference}/release`, { method: 'POST' })
    }
    await world.runUntil(world.clock.now() + 10 * 60_000)
    const byHand = await retryHeld(world, waitingPeople(people, await readBooks(world)).messages)
    await world.runUntil(world.clock.now() + 60 * 60_000)
    const after = await readBooks(world)

    const contents = new Map<string, string>()
    for (const reference of people.all.flatMap(({ references }) => [...references])) {
      contents.set(reference, JSON.stringify((await world.operate(`/submissions/${reference}`)).entries))
    }
    const disowned = await disownedOf(world, before)
    return audit({
      seed: options.seed,
      world,
      plan,
      attack: attackers,
      people,
      before,
      after,
      contents,
      byHand,
      disowned,
    })
  } finally {
    await world.close()
  }
}

async function retryHeld(world: World, messages: readonly string[]): Promise<Set<string>> {
  const byHand = new Set(messages)
  for (const id of byHand) await world.operate(`/messages/${id}/retry`, { method: 'POST' })
  return byHand
}

async function disownedOf(world: World, { rows }: Books): Promise<string[]> {
  const disowned: string[] = []
  for (const reference of rows.keys()) {
    const submission = await world.deps.submissions.get(reference)
    if (submission !== null && submission.disownedAt !== null) disowned.push(reference)
  }
  return disowned
}
