/** The process's environment; the only place that reads it, everything else gets it as an argument. */
export function processEnvironment(): Readonly<Record<string, string | undefined>> {
  return process.env
}
