import { afterAll } from 'vitest';
import { removeTestFolders } from './temporary-folder.ts';

// Loaded before every test file, so this runs after everything that the file itself cleans up.
afterAll(removeTestFolders);
