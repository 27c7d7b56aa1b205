import { execFileSync, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { environment, stateOf, statusWhen, temporaryFolder } from './server.ts'

const root = join(import.meta.dirname, '../..')

/** The commands of a section of the README, one block after the other. */
function blocks(section: string): string[][] {
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  const [, text = ''] = readme.split(`\n## ${section}\n`)
  return [...(text.split('\n## ')[0] ?? '').matchAll(/```sh\n([\s\S]*?)```/g)].map((match) =>
    (match[1] ?? '').trim().split('\n'),
  )
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** The clone is of what is committed; without a repository there is nothing to clone. */
const hasRepository = existsSync(join(root, '.git'))

test.skipIf(!hasRepository)(
  'the commands of the README, in an empty folder, lead to the first fate in under three minutes',
  { timeout: 300_000 },
  async () => {
    const startedAt = performance.now()
    const [install = [], look = []] = blocks('Try it')
    const folder = temporaryFolder('readme')
    const clone = join(folder, 'todoku')
    const port = await freePort()
    // The port is the only thing that is not as in the README: 4180 may be in use where the tests run.
    const env = { ...environment({ TODOKU_PORT: String(port) }), PATH: withoutOurNode(process.env.PATH ?? '') }
    const run = (command: string, cwd: string) =>
      execFileSync('sh', ['-c', command], { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

    expect(install.map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual([
      'git clone',
      'cd todoku',
      'npm ci',
      'npm start',
    ])
    run((install[0] ?? '').replace('<this repository>', `"${root}"`), folder)
    run(install[2] ?? '', clone)
    const server = spawn('sh', ['-c', install[3] ?? ''], {
      cwd: clone,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    const ended = new Promise((resolve) => server.once('exit', resolve))
    onTestFinished(async () => {
      // Its own group: npm, the shell and the server.
      if (server.exitCode === null && server.pid !== undefined) process.kill(-server.pid, 'SIGTERM')
      await ended
    })
    let screen = ''
    await new Promise<void>((resolve, reject) => {
      server.stdout.on('data', (chunk) => {
        screen += String(chunk)
        if (screen.includes('Todoku is running')) resolve()
      })
      void ended.then(() => reject(new Error(`npm start ended: ${screen}`)))
    })
    expect(screen).toContain(`http://localhost:${port}/app/enter/`)

    const answer = run((look[0] ?? '').replaceAll('localhost:4180', `localhost:${port}`), clone)
    expect(answer).toMatch(/^HTTP\/1\.1 303 /)
    const status = /^location: (\S+)/im.exec(answer)?.[1] ?? ''
    const fate = await statusWhen(status, (now) => !now.open)
    const seconds = (performance.now() - startedAt) / 1000
    console.log(`from git clone to the first fate: ${seconds.toFixed(0)} s`)
    expect(stateOf(fate, 'confirmation')).toBe('bounced_hard')
    expect(stateOf(fate, 'notification')).toBe('delivered')
    expect(seconds).toBeLessThan(180)

    const list = run(look[1] ?? '', clone)
    expect(list).toMatch(/bounced_hard\s+delivered/)
    expect(run(`npx todoku explain ${fate.reference}`, clone)).toContain('the mailbox does not exist')
  },
)

/** A newcomer's shell does not have the Node of this checkout in front. */
function withoutOurNode(path: string): string {
  return path
    .split(':')
    .filter((folder) => !folder.includes('node_modules'))
    .join(':')
}
