// The little of Node that the tests use: its whole types would be another package.
declare module 'node:test' {
  export default function test (name: string, run: () => void | Promise<void>): void
  export const describe: (name: string, run: () => void) => void
  export const it: typeof test
}
declare module 'node:assert/strict' {
  const assert: {
    (told: unknown, message?: string): void
    equal: (told: unknown, wanted: unknown, message?: string) => void
    deepEqual: (told: unknown, wanted: unknown, message?: string) => void
    ok: (told: unknown, message?: string) => void
    match: (told: string, wanted: RegExp) => void
    throws: (run: () => unknown, wanted?: RegExp) => void
    rejects: (run: Promise<unknown> | (() => Promise<unknown>), wanted?: unknown) => Promise<void>
  }
  export default assert
}
declare module 'node:fs' {
  export const readFileSync: (from: number, as: string) => string
}
declare const process: { readonly stdout: { readonly write: (text: string) => void } }
