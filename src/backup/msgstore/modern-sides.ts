import { addOnTable } from './add-on-tables.js';
import { type Children, openChildren } from './children.js';
import type { ImportFile } from './import-file.js';
import {
  albumTable,
  associationTable,
  editTable,
  ephemeralTable,
  forwardedTable,
  groupInviteTable,
  linkTable,
  locationTable,
  mediaTable,
  mentionTable,
  messageCallTable,
  missedCallTable,
  numberChangeTable,
  pollOptionTable,
  pollTable,
  quotedTable,
  revokedTable,
  systemParticipantTable,
  systemTable,
  valueChangeTable,
  vcardTable,
} from './tables.js';

/** The tables beside `message`, each as a merge over the rows of a page: see `Children`. */
export class ModernSides {
  readonly media: Children;
  readonly quoted: Children;
  readonly edit: Children;
  readonly revoked: Children;
  readonly link: Children;
  readonly location: Children;
  readonly forwarded: Children;
  readonly ephemeral: Children;
  readonly album: Children;
  readonly groupInvite: Children;
  readonly poll: Children;
  readonly system: Children;
  readonly valueChange: Children;
  readonly numberChange: Children;
  readonly call: Children;
  readonly missedCall: Children;
  readonly mentions: Children;
  readonly vcards: Children;
  readonly pollOptions: Children;
  readonly participants: Children;
  readonly association: Children;
  readonly addOns: Children;
  private readonly all: readonly Children[];

  constructor({ keyset, indexes }: ImportFile) {
    this.media = openChildren(keyset, mediaTable, indexes);
    this.quoted = openChildren(keyset, quotedTable, indexes);
    this.edit = openChildren(keyset, editTable, indexes);
    this.revoked = openChildren(keyset, revokedTable, indexes);
    this.link = openChildren(keyset, linkTable, indexes);
    this.location = openChildren(keyset, locationTable, indexes);
    this.forwarded = openChildren(keyset, forwardedTable, indexes);
    this.ephemeral = openChildren(keyset, ephemeralTable, indexes);
    this.album = openChildren(keyset, albumTable, indexes);
    this.groupInvite = openChildren(keyset, groupInviteTable, indexes);
    this.poll = openChildren(keyset, pollTable, indexes);
    this.system = openChildren(keyset, systemTable, indexes);
    this.valueChange = openChildren(keyset, valueChangeTable, indexes);
    this.numberChange = openChildren(keyset, numberChangeTable, indexes);
    this.call = openChildren(keyset, messageCallTable, indexes);
    this.missedCall = openChildren(keyset, missedCallTable, indexes);
    this.mentions = openChildren(keyset, mentionTable, indexes);
    this.vcards = openChildren(keyset, vcardTable, indexes);
    this.pollOptions = openChildren(keyset, pollOptionTable, indexes);
    this.participants = openChildren(keyset, systemParticipantTable, indexes);
    this.association = openChildren(keyset, associationTable, indexes);
    this.addOns = openChildren(keyset, addOnTable, indexes);
    this.all = Object.values(this).filter((side): side is Children => typeof side === 'object' && side !== null);
  }

  /** Begins a page. */
  open(afterId: number, throughId: number): void {
    for (const side of this.all) side.open(afterId, throughId);
  }

  /** Ends a page; safe to call twice. */
  close(): void {
    for (const side of this.all) side.close();
  }
}
