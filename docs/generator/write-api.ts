import { writeFileSync } from 'node:fs';
import { apiReference } from './api-reference.ts';

// npm run docs
writeFileSync(new URL('../api.md', import.meta.url), apiReference());
