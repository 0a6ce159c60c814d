import { Random } from './synthetic-random.js';

/** Syllables of some scripts, with how often a text is in it (of 100). Words are put together from them. */
const scripts: readonly { share: number; space: string; syllables: string }[] = [
  {
    share: 64,
    space: ' ',
    syllables:
      'a be ca da en fo gra hi in ju ka lo ma no or pe qui ra so ta un ve wo ya zu ch st er ing tion ly ment th sp ü ö ß é ñ',
  },
  {
    share: 9,
    space: ' ',
    syllables: 'а бе во ги до ен жи за ин ку ле мо на ор пе ра со ту ум фо хо че ша щи ты ю я сть',
  },
  { share: 8, space: ' ', syllables: 'اب تج حد رس شط عم فق كل من هو يا ال ست بي دو زر' },
  { share: 5, space: ' ', syllables: 'אב גד הו זח טי כל מן סע פצ קר שת לא כן' },
  { share: 6, space: ' ', syllables: 'का मे नी तो रा सु है को ली पा दे जि बा' },
  {
    share: 8,
    space: '',
    syllables: '我 你 他 们 的 是 在 有 不 了 人 这 中 大 来 上 国 说 到 时 要 就 出 会 可 也 日 本 語 です ます',
  },
];

const emoji = ['😂', '❤️', '👍', '🙏', '😍', '👨‍👩‍👧‍👦', '🇪🇸', '🤷🏽‍♀️', '🎉', '🔥'];

/** Writes short texts out of a vocabulary of some thousand words. */
export class Words {
  readonly #vocabularies: { until: number; space: string; words: string[] }[] = [];

  constructor(seed: number) {
    const random = new Random();
    random.start(seed, 0, 99);
    let until = 0;
    for (const { share, space, syllables } of scripts) {
      until += share;
      const parts = syllables.split(' ');
      const words = Array.from({ length: share * 60 }, () => {
        let word = '';
        for (let n = 1 + random.below(space === '' ? 2 : 3); n >= 0; n--) word += random.pick(parts);
        return word;
      });
      this.#vocabularies.push({ until, space, words });
    }
  }

  /** Returns a text of 1 to about 200 characters, about 75 on average. */
  text(random: Random): string {
    const choice = random.below(100);
    const { space, words } = this.#vocabularies.find(({ until }) => choice < until) ?? { space: ' ', words: ['hm'] };
    // The product of two dice gives many short and few long texts, as people write.
    const dice = random.next();
    let count = 2 + Math.floor(((dice & 0x1f) * ((dice >>> 5) & 0x1f)) / 22);
    let text = random.pick(words);
    while (--count > 0) {
      // The square favours the front of the vocabulary: common words are common.
      const at = random.next() / 2 ** 32;
      text += space + (words[Math.floor(at * at * words.length)] ?? '');
    }
    if (dice >>> 28 === 0) text += ` ${random.pick(emoji)}`;
    return text;
  }

  /** Returns a name of two words. */
  name(random: Random): string {
    const words = this.#vocabularies[0]?.words ?? ['x'];
    const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);
    return `${capital(random.pick(words))} ${capital(random.pick(words))}`;
  }

  /** Returns an emoji. */
  emoji(random: Random): string {
    return random.pick(emoji);
  }
}
