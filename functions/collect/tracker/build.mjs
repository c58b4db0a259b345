// node build.mjs [folder]: skvoz.js (everything) and skvoz.core.js (without numbers), here or into the folder.
import { build } from 'esbuild'

const folder = process.argv[2] ?? '.'
for (const [file, numbers] of [['skvoz.js', true], ['skvoz.core.js', false]]) {
  await build({
    entryPoints: ['src/main.ts'],
    bundle: true,
    minify: true,
    format: 'iife',
    target: 'es2020',
    charset: 'utf8',
    legalComments: 'none',
    tsconfigRaw: {}, // tsconfig.json is for the check; modules are strict by themselves
    define: { NUMBERS: String(numbers) },
    banner: { js: '/* Skvoz tracker: docs/tracker.md */' },
    outfile: `${folder}/${file}`
  })
}
