import { appendFileSync } from 'node:fs';
import { registerHooks, syncBuiltinESMExports } from 'node:module';
import v8 from 'node:v8';

/**
 * Preloaded with `--import`: writes the address of every module that the program loads into `$RECORD_MODULES`, and every
 * flag that it sets into the file of that name with `.flags`.
 */
const file = process.env['RECORD_MODULES'];
registerHooks({
  load(url, context, nextLoad) {
    if (file !== undefined) appendFileSync(file, `${url}\n`);
    return nextLoad(url, context);
  },
});
const setFlags = v8.setFlagsFromString;
v8.setFlagsFromString = (flags) => {
  if (file !== undefined) appendFileSync(`${file}.flags`, `${flags}\n`);
  setFlags(flags);
};
syncBuiltinESMExports();
