#!/usr/bin/env node
import { useCompileCache } from '../compile-cache.ts';

// The program itself is imported only once its compiled code can be found.
useCompileCache(process.env);
await import('./program.ts');
