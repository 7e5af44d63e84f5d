// Unpacks what the package ships: node unpack.cjs <file>.br <target>. Python has no Brotli of its own.
const { createReadStream, createWriteStream } = require("node:fs");
const { pipeline } = require("node:stream/promises");
const { createBrotliDecompress } = require("node:zlib");

const [from, to] = process.argv.slice(2);
pipeline(createReadStream(from), createBrotliDecompress(), createWriteStream(to)).catch((error) => {
  console.error(error.message);
  process.exit(1);
});
