import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';

const manifest = z.object({
  name: z.string(),
  version: z.string(),
  license: z.string(),
  author: z.unknown().optional(),
});
type Package = z.infer<typeof manifest> & { folder: string };

const RULE = '-'.repeat(80);

/**
 * Names, versions and licences of the packages that bundled files come from, with the texts that their licences ask to be passed on,
 * each once.
 * @param root the checkout
 * @param inputs paths of the bundled files, relative to it
 * @throws where a package says no licence, or its text is not found
 */
export async function thirdPartyNotices(root: string, inputs: readonly string[]): Promise<string> {
  const packages = new Map<string, Package>();
  for (const path of inputs.filter((each) => each.includes('node_modules/'))) {
    const found = await packageOf(root, dirname(path));
    packages.set(`${found.name}@${found.version} (${found.license})`, found);
  }
  const titles = new Map<string, string[]>();
  for (const [title, found] of [...packages].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const text = await licenceText(root, found);
    titles.set(text, [...(titles.get(text) ?? []), title]);
  }
  const notices = [...titles].map(([text, names]) => `${names.join('\n')}\n\n${text}\n`);
  const head = 'The files in lib contain code of the following packages, each under its own licence.\n';
  return [head, ...notices].join(`\n${RULE}\n\n`);
}

/** The package that a folder belongs to. Folders inside it may have a package.json that only says how Node reads them. */
async function packageOf(root: string, folder: string): Promise<Package> {
  const text = await readFile(join(root, folder, 'package.json'), 'utf8').catch(() => '{}');
  const { data, error } = manifest.safeParse(JSON.parse(text));
  if (data !== undefined) return { ...data, folder: join(root, folder) };
  if (/node_modules(\/@[^/]+)?$/.test(dirname(folder))) throw new Error(`${folder}/package.json: ${error.message}`);
  return await packageOf(root, dirname(folder));
}

/** The files that hold a package's licence and notices; else what its README says; else what the licence it names stands for. */
async function licenceText(root: string, { name, license, author, folder }: Package): Promise<string> {
  const files = (await readdir(folder)).sort();
  const read = async (file: string) => (await readFile(join(folder, file), 'utf8')).trim();
  const own = await Promise.all(files.filter((file) => /^(licen[cs]e|copying|notice)/i.test(file)).map(read));
  if (own.length > 0) return own.join('\n\n');
  const readme = files.find((file) => /^readme/i.test(file));
  const sections = readme === undefined ? [] : (await read(readme)).split(/^#+ */m);
  const section = sections.find((each) => /^licen[cs]e\n/i.test(each) && each.includes('Copyright'));
  if (section !== undefined) return section.trim();
  // This program's own one.
  if (license === 'Apache-2.0') return (await readFile(join(root, 'LICENSE'), 'utf8')).trim();
  if (license === 'MIT' && typeof author === 'string') return `Copyright (c) ${author}\n\n${MIT}`;
  throw new Error(`${name} has no file with the text of its licence, ${license}`);
}

const MIT = `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy,
modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF
MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE
FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN
CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;
