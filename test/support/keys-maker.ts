// One of several processes that start together: makes the keys file of its argument and prints what it then reads.
import { createKeysFile } from '../../server/keys/keys-file.js';

const [path = ''] = process.argv.slice(2);
process.stdout.write(JSON.stringify(await createKeysFile(path, new Date())));
