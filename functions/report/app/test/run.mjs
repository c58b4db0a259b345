// node test/run.mjs: every test/*.test.ts, bundled as the app is, under Node's own test runner.
// node test/run.mjs same: test/same.ts, which answers the questions of its input.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'

const here = new URL('.', import.meta.url).pathname
const folder = await mkdtemp(join(tmpdir(), 'report-app-'))
const isSame = process.argv[2] === 'same'
const tests = isSame ? ['same.ts'] : (await readdir(here)).filter((name) => name.endsWith('.test.ts'))
await build({
  entryPoints: tests.map((name) => join(here, name)),
  outdir: folder,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node18',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  tsconfigRaw: {},
  logLevel: 'warning',
  plugins: [{
    name: 'style',
    setup: ({ onLoad }) => onLoad({ filter: /\.css$/ }, async ({ path }) => ({ contents: await readFile(path, 'utf8'), loader: 'text' }))
  }],
  define: { 'process.env.NODE_ENV': '"production"' }
})
const files = tests.map((name) => join(folder, name.replace(/\.ts$/, '.mjs')))
const done = spawnSync(process.execPath, isSame ? files : ['--test', ...files], { stdio: 'inherit' })
await rm(folder, { recursive: true })
process.exit(done.status ?? 1)
