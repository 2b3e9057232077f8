"use strict";
// What one text has that another has not, word by word. Myers' shortest edit as long as there are few edits; longer
// ones are cut at words that both texts have once ("patience"), so that the time grows with the length of the texts.

const difference = (() => {
  const WORD = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]|[\p{L}\p{M}\p{N}_]+|\s+|\S/gu;
  const MOST_EDITS = 800;
  const MOST_CUTS = 3;

  // Pieces in the order of the texts: {same}, or {gone, come}, of which one may be empty.
  function difference(before, after) {
    const [a, b] = [before.match(WORD) ?? [], after.match(WORD) ?? []];
    const ids = new Map();
    const numbered = (words) =>
      Int32Array.from(words, (word) => {
        if (!ids.has(word)) ids.set(word, ids.size);
        return ids.get(word);
      });
    const other = new Int32Array(a.length).fill(-1);
    // Of each word of `a`, its like in `b`.
    align(numbered(a), numbered(b), { lowA: 0, highA: a.length, lowB: 0, highB: b.length }, other, 0);
    return readable(pieces(a, b, other));
  }

  function align(a, b, { lowA, highA, lowB, highB }, other, cuts) {
    while (lowA < highA && lowB < highB && a[lowA] === b[lowB]) other[lowA++] = lowB++;
    while (lowA < highA && lowB < highB && a[highA - 1] === b[highB - 1]) other[--highA] = --highB;
    if (lowA === highA || lowB === highB) return;
    const part = { lowA, highA, lowB, highB };
    if (shortest(a, b, part, other) || cuts === MOST_CUTS) return;
    let from = { lowA, lowB };
    for (const [x, y] of [...anchors(a, b, part), [highA, highB]]) {
      if (x < highA) other[x] = y;
      align(a, b, { ...from, highA: x, highB: y }, other, cuts + 1);
      from = { lowA: x + 1, lowB: y + 1 };
    }
  }

  // Myers, "An O(ND) difference algorithm" (1986), forward; false: it takes more than MOST_EDITS.
  function shortest(a, b, { lowA, highA, lowB, highB }, other) {
    const [n, m] = [highA - lowA, highB - lowB];
    const most = Math.min(n + m, MOST_EDITS);
    const far = new Int32Array(2 * most + 3);
    const zero = most + 1;
    const kept = [];
    for (let d = 0; d <= most; d += 1) {
      kept.push(far.slice(zero - d - 1, zero + d + 2));
      for (let k = -d; k <= d; k += 2) {
        let x = k === -d || (k !== d && far[zero + k - 1] < far[zero + k + 1]) ? far[zero + k + 1] : far[zero + k - 1] + 1;
        while (x < n && x - k < m && a[lowA + x] === b[lowB + x - k]) x += 1;
        far[zero + k] = x;
        if (x === n && x - k === m) {
          back(kept, n, m, (i, j) => (other[lowA + i] = lowB + j));
          return true;
        }
      }
    }
    return false;
  }

  // From the end, along the furthest points of each number of edits.
  function back(kept, n, m, alike) {
    let [x, y] = [n, m];
    for (let d = kept.length - 1; d >= 0; d -= 1) {
      const far = (k) => kept[d][k + d + 1];
      const k = x - y;
      const before = k === -d || (k !== d && far(k - 1) < far(k + 1)) ? k + 1 : k - 1;
      const [toX, toY] = d ? [far(before), far(before) - before] : [0, 0];
      while (x > toX && y > toY) alike(--x, --y);
      [x, y] = [toX, toY];
    }
  }

  // Words that either text has once, as many as stand in the same order in both.
  function anchors(a, b, { lowA, highA, lowB, highB }) {
    const places = new Map();
    const note = (words, low, high, which) => {
      for (let at = low; at < high; at += 1) {
        const found = places.get(words[at]) ?? [-1, -1];
        found[which] = found[which] === -1 ? at : -2;
        places.set(words[at], found);
      }
    };
    note(a, lowA, highA, 0);
    note(b, lowB, highB, 1);
    const both = [...places.values()].filter(([x, y]) => x >= 0 && y >= 0);
    // In the order of `a`; the longest rising row of places in `b`, by patience sorting.
    const tops = [];
    const before = new Map();
    for (const one of both) {
      let [low, high] = [0, tops.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (tops[middle][1] < one[1]) low = middle + 1;
        else high = middle;
      }
      before.set(one, tops[low - 1]);
      tops[low] = one;
    }
    const row = [];
    for (let one = tops.at(-1); one; one = before.get(one)) row.push(one);
    return row.reverse();
  }

  function pieces(a, b, other) {
    const found = [];
    let [i, j] = [0, 0];
    while (i < a.length || j < b.length) {
      const [fromI, fromJ] = [i, j];
      while (i < a.length && other[i] < 0) i += 1;
      const end = i < a.length ? other[i] : b.length;
      if (i > fromI || end > j) found.push({ gone: a.slice(fromI, i).join(""), come: b.slice(fromJ, end).join("") });
      j = end;
      const same = i;
      while (i < a.length && other[i] === j) [i, j] = [i + 1, j + 1];
      if (i > same) found.push({ same: a.slice(same, i).join("") });
    }
    return found;
  }

  // Without the few words that long changes happen to share: they only tear these apart.
  function readable(found) {
    const row = [];
    const size = (one) => Math.max(one.gone.length, one.come.length);
    for (const one of found) {
      row.push(one);
      while (row.length > 2 && one.same === undefined) {
        const [left, middle, right] = row.slice(-3);
        if (left.same !== undefined || middle.same.length > Math.min(size(left), size(right))) break;
        const joined = { gone: left.gone + middle.same + right.gone, come: left.come + middle.same + right.come };
        row.splice(-3, 3, joined);
      }
    }
    return row;
  }

  return difference;
})();
