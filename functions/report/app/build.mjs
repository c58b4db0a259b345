// node build.mjs [folder]: report.js, the whole app with its style, here or into the folder.
import { readFile } from 'node:fs/promises'
import { build, transform } from 'esbuild'

const folder = process.argv[2] ?? '.'
const style = {
  name: 'style', // put into the page by the script, so it is text, and small
  setup: ({ onLoad }) => onLoad({ filter: /\.css$/ }, async ({ path }) => {
    const { code } = await transform(await readFile(path, 'utf8'), { loader: 'css', minify: true })
    return { contents: code.trim(), loader: 'text' }
  })
}
await build({
  entryPoints: ['src/main.tsx'],
  bundle: true,
  minify: true,
  format: 'iife',
  target: 'es2022',
  charset: 'utf8',
  legalComments: 'none',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  tsconfigRaw: {}, // tsconfig.json is for the check; modules are strict by themselves
  plugins: [style],
  define: { 'process.env.NODE_ENV': '"production"' },
  banner: { js: '/* Skvoz report: docs/reports.md; packages inside: NOTICE */' },
  outfile: `${folder}/report.js`
})
