/**
 * Measures what Todoku promises about speed: `npm run bench [-- intake] [delivery] [--json] [--repeats N] [--quick]
 * [--folder DIR]`. Everything runs on this machine, in processes of its own, in turns with peers that do the same work or
 * less of it; what counts are the ratios. Nothing is judged here.
 */
import { closeSync, fdatasyncSync, openSync, statfsSync, writeSync } from 'node:fs'
import { availableParallelism, cpus, release, tmpdir, totalmem, type } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { measureDelivery } from './delivery.ts'
import { quantile, ratioTable, rowTable } from './figures.ts'
import { measureIntake } from './intake.ts'
import { leaveNothing, remove, temporaryFolder } from './processes.ts'
import type { Options, Report } from './report.ts'

const promises: Readonly<Record<string, (options: Options) => Promise<Report>>> = {
  intake: measureIntake,
  delivery: measureDelivery,
}

const usage = `usage: npm run bench -- [${Object.keys(promises).join('] [')}] [--json] [--repeats N] [--quick] [--folder DIR]

  --repeats N   how often each is measured, in turns (default 5; with --quick 1)
  --quick       a few seconds: shows that it works, the figures mean little
  --folder DIR  where databases lie while they are measured (default ${tmpdir()})
  --json        print JSON
`

type Machine = {
  processor: string
  cores: number
  memoryGB: number
  system: string
  node: string
  folder: string
  /** What a commit must wait for: 4 kB appended to a file, then fdatasync. */
  disk: { fileSystem: string; 'syncs/s': number; 'p50 ms': number; 'p99 ms': number }
}

function machineOf(folder: string): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGB: Math.round(totalmem() / 1e9),
    system: `${type()} ${release()}`,
    node: process.version,
    folder,
    disk: diskOf(folder),
  }
}

function diskOf(folder: string): Machine['disk'] {
  const place = temporaryFolder(folder)
  const file = openSync(join(place, 'sync'), 'w')
  const page = Buffer.alloc(4096, 1)
  const times: number[] = []
  const begun = performance.now()
  for (let last = begun; last - begun < 500; ) {
    writeSync(file, page)
    fdatasyncSync(file)
    const now = performance.now()
    times.push(now - last)
    last = now
  }
  closeSync(file)
  remove(place)
  const sorted = Float64Array.from(times).sort()
  return {
    fileSystem: fileSystems[statfsSync(folder).type] ?? 'other',
    'syncs/s': Math.round((times.length * 1000) / (performance.now() - begun)),
    'p50 ms': quantile(sorted, 0.5),
    'p99 ms': quantile(sorted, 0.99),
  }
}

/** statfs(2) */
const fileSystems: Readonly<Record<number, string>> = {
  61267: 'ext4',
  1481003842: 'xfs',
  2435016766: 'btrfs',
  801189825: 'zfs',
  2035054128: 'overlayfs',
  16914836: 'tmpfs: in memory, a sync costs nothing there',
}

function told(machine: Machine, repeats: number): string {
  const { processor, cores, memoryGB, system, node, folder, disk } = machine
  return [
    `${processor}, ${cores} cores, ${memoryGB} GB; ${system}; Node ${node}`,
    `databases in ${folder} (${disk.fileSystem}); 4 kB + fdatasync: ${disk['syncs/s']}/s, p50 ${disk['p50 ms'].toFixed(2)} ms, p99 ${disk['p99 ms'].toFixed(2)} ms`,
    `medians of ${repeats} repeat${repeats === 1 ? '' : 's'}, all in turns on this machine; load, server and relay share its cores`,
  ].join('\n')
}

function toldReport({ promise, about, rows, ratios }: Report): string {
  const lines = Object.entries(about).map(([name, text]) => `  ${name}: ${text}`)
  return `\n${promise}\n${lines.join('\n')}\n\n${rowTable(rows)}\n\n${ratioTable(ratios)}`
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      repeats: { type: 'string' },
      folder: { type: 'string', default: tmpdir() },
    },
  })
  if (values.help) {
    console.log(usage)
    return 0
  }
  const unknown = positionals.filter((name) => !Object.hasOwn(promises, name))
  const repeats = Number(values.repeats ?? (values.quick ? 1 : 5))
  if (unknown.length > 0 || !Number.isInteger(repeats) || repeats < 1) {
    console.error(usage)
    return 2
  }
  const { folder, quick } = values
  const options: Options = { repeats, quick, folder, progress: (text) => process.stderr.write(`${text}\n`) }
  const machine = machineOf(folder)
  if (!values.json) console.log(told(machine, repeats))
  const reports: Report[] = []
  for (const [name, measure] of Object.entries(promises)) {
    if (positionals.length > 0 && !positionals.includes(name)) continue
    const report = await measure(options)
    reports.push(report)
    if (!values.json) console.log(toldReport(report))
  }
  if (values.json) console.log(JSON.stringify({ machine, repeats, quick, reports }, null, 2))
  return 0
}

let stopped = false
for (const [signal, number] of Object.entries({ SIGHUP: 1, SIGINT: 2, SIGTERM: 15 })) {
  process.on(signal, () => {
    if (stopped) return
    stopped = true
    void leaveNothing().finally(() => process.exit(128 + number))
  })
}
try {
  process.exitCode = await main()
} catch (error) {
  if (!stopped) console.error(error)
  process.exitCode = 1
} finally {
  await leaveNothing()
}
