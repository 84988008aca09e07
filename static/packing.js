// Several texts as one file, a .zip without compression, so that they go in parts as any large file does. The archive is a list of
// pieces that the browser reads from the disk as they are sent: nothing is held in memory but the list of names.
const MOST = 65_535, LARGEST = 0xffff_ffff;  // files and bytes of a zip of the old kind
const BLOCK = 4 << 20;  // bytes that are read at a time
const UTF8 = 0x800;  // flag: the name is UTF-8
const DAY = 0x21;  // 1 January 1980: a zip needs a date
const AT_ONCE = 16;  // files that are read together
const table = Int32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0xedb8_8320 : byte >>> 1;
  return byte;
});

async function checksum(file) {
  let sum = -1;
  for (let at = 0; at < file.size; at += BLOCK) {
    const bytes = new Uint8Array(await file.slice(at, at + BLOCK).arrayBuffer());
    for (let i = 0; i < bytes.length; i++) sum = table[(sum ^ bytes[i]) & 0xff] ^ (sum >>> 8);  // by index: seven times as fast
  }
  return ~sum >>> 0;
}

// Numbers of 2 or 4 bytes, the lowest first: [[value, bytes], ...]
function record(...fields) {
  const view = new DataView(new ArrayBuffer(fields.reduce((length, [, size]) => length + size, 0)));
  let at = 0;
  for (const [value, size] of fields) {
    if (size === 4) view.setUint32(at, value, true); else view.setUint16(at, value, true);
    at += size;
  }
  return new Uint8Array(view.buffer);
}

const isText = (file) => file.name.toLowerCase().endsWith(".txt");
const path = (file) => file.webkitRelativePath.split("/").slice(1).join("/") || file.name;

// Whether they are worth it: texts, and more than a form should carry at once.
export const packs = (files, bytes, many) =>
  files.length > 1 && files.some(isText) && (files.length > many || files.reduce((sum, file) => sum + file.size, 0) > bytes);

// A File of them all. What is no text goes by its name alone: the server lists it as left out. `told` hears how many are read.
export async function packed(files, told = () => {}) {
  const texts = files.map((file) => ({ name: path(file), body: isText(file) ? file : new Blob() }));
  texts.sort((one, other) => (one.name < other.name ? -1 : 1));
  texts.forEach((text, at) => { if (at && text.name === texts[at - 1].name) text.name = `${at}-${text.name}`; });
  if (texts.length > MOST || texts.reduce((sum, { body }) => sum + body.size, 0) > LARGEST - (16 << 20)) {
    throw new Error("These are more than 65,535 files or 4 GB. Pack them into a .zip and send that.");
  }
  const pieces = [], directory = [], sums = [];
  for (let from = 0; from < texts.length; from += AT_ONCE) {
    told(from);
    sums.push(...await Promise.all(texts.slice(from, from + AT_ONCE).map(({ body }) => checksum(body))));
  }
  let at = 0;
  for (const [number, { name, body }] of texts.entries()) {
    const bytes = new TextEncoder().encode(name), sum = sums[number];
    const shared = [[20, 2], [UTF8, 2], [0, 2], [0, 2], [DAY, 2], [sum, 4], [body.size, 4], [body.size, 4], [bytes.length, 2], [0, 2]];
    const head = record([0x0403_4b50, 4], ...shared);
    directory.push(record([0x0201_4b50, 4], [20, 2], ...shared, [0, 2], [0, 2], [0, 2], [0, 4], [at, 4]), bytes);
    pieces.push(head, bytes, body);
    at += head.length + bytes.length + body.size;
  }
  const size = directory.reduce((length, piece) => length + piece.length, 0);
  const end = record([0x0605_4b50, 4], [0, 2], [0, 2], [texts.length, 2], [texts.length, 2], [size, 4], [at, 4], [0, 2]);
  const folder = files[0].webkitRelativePath.split("/")[0] || "texts", newest = Math.max(...files.map((file) => file.lastModified));
  return new File([...pieces, ...directory, end], `${folder}.zip`, { lastModified: newest });
}
