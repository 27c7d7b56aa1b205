#!/usr/bin/env node
// What follows needs Node 24 (node:sqlite among other things). In a clone `npm start` and `npx todoku` bring it along; an
// older one that is called directly is told so instead of failing somewhere inside.
const [major = 0] = process.versions.node.split('.').map(Number)
if (major < 24) {
  process.stderr.write(
    `todoku: this is Node ${process.versions.node}, and Node 24 is needed. In a clone, \`npm start\` and \`npx todoku\` bring it along.\n`,
  )
  process.exitCode = 1
} else {
  await import('./program.ts')
}
