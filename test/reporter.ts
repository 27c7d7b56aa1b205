import type { Reporter, TestModule } from 'vitest/node'

/** Ends the run with the one plain line that scripts read: `N passed, N failed`. */
export default class PlainLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    let passed = 0
    let failed = 0
    const skipped: string[] = []
    for (const module of modules) {
      // A file that could not even be loaded has no tests to fail.
      if (!module.ok() && [...module.children.allTests()].every((test) => test.result().state !== 'failed')) failed += 1
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        if (state === 'passed') passed += 1
        else if (state === 'failed') failed += 1
        else skipped.push(test.fullName)
      }
    }
    for (const name of skipped) console.log(`skipped: ${name}`)
    console.log(`${passed} passed, ${failed + errors.length} failed`)
  }
}
