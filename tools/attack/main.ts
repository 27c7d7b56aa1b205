/**
 * Attacks Todoku in a simulation and looks at what became of the real people among the bots: `npm run attack`.
 *
 *     npm run attack -- --seed 7 --posts 100000 --people 100 --json
 *
 * The app, the SQLite stores and the delivery engine are the real ones; clock, name servers and the recipients' servers are
 * simulated, so that nothing leaves and hours pass in minutes. Ends with 0 when everything holds that must, else with 1.
 * What it does and what it proves stands in `docs/guide/abuse.md`.
 */
import { parseArgs } from 'node:util'
import { runnerImport } from 'vite'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    posts: { type: 'string', default: '100000' },
    people: { type: 'string', default: '100' },
    json: { type: 'boolean', default: false },
  },
})

function whole(name: 'posts' | 'people', min: number, max: number): number {
  const number = Number(values[name])
  if (Number.isInteger(number) && number >= min && number <= max) return number
  console.error(`--${name} must be a whole number from ${min} to ${max}`)
  process.exit(2)
}

const options = { seed: values.seed, posts: whole('posts', 100, 1_000_000), people: whole('people', 0, 10_000) }

// The sources as they are, pages in .tsx among them, which Node itself does not read.
const load = async <Module>(file: string) =>
  (await runnerImport<Module>(new URL(file, import.meta.url).pathname, { configFile: false, logLevel: 'error' })).module

const { simulateAttack } = await load<typeof import('./simulate.ts')>('./simulate.ts')
const { reportText } = await load<typeof import('./table.ts')>('./table.ts')

const begun = performance.now()
const report = await simulateAttack(options)
const seconds = (performance.now() - begun) / 1000
console.log(
  values.json ? JSON.stringify({ ...report, wallSeconds: Math.round(seconds) }, null, 2) : reportText(report, seconds),
)
process.exitCode = report.truths.every(({ holds }) => holds) ? 0 : 1
