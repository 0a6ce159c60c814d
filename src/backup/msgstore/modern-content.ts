import type { UnresolvedLids } from './actors.js';
import type { Addresses } from './addresses.js';
import { Related } from './children.js';
import type { ImportFile } from './import-file.js';
import type {
  AlbumFields,
  CallFields,
  GroupInviteFields,
  LinkPreviewFields,
  LocationFields,
  MediaFields,
  RevocationFields,
  SystemEventFields,
} from './message-fields.js';
import type { ModernSides } from './modern-sides.js';
import type { Row } from './schema.js';
import {
  albumTable,
  callTable,
  groupInviteTable,
  linkTable,
  locationTable,
  mediaTable,
  mentionTable,
  messageCallTable,
  missedCallTable,
  numberChangeTable,
  revokedTable,
  systemParticipantTable,
  systemTable,
  valueChangeTable,
  vcardTable,
} from './tables.js';
import { bytesOf, doubleOf, int32Of, sha256Of, statedTimeOf, textOf, timeOf, uint32Of, wholeOf } from './value.js';
import { systemEventKindOf, waType } from './wa-type.js';

/** The public `CallOutcome`. */
const outcome = { unspecified: 0, answered: 1, notAnswered: 2 } as const;

/** Reads what stands beside a message in the side tables, each as one part of its content. */
export class ModernContent {
  private readonly addresses: Addresses;
  private readonly lids: UnresolvedLids;
  private readonly calls: Related | undefined;

  constructor(
    file: ImportFile,
    private readonly sides: ModernSides,
  ) {
    this.addresses = file.addresses;
    this.lids = file.lids;
    this.calls = Related.open(file.keyset, callTable, file.indexes);
  }

  /** A text that is kept with the file and not with the message: a document's caption. */
  caption(id: number): string {
    return textOf(this.sides.media.first(id)?.[mediaTable.at.media_caption]);
  }

  media(id: number): MediaFields | undefined {
    const row = this.sides.media.first(id);
    return row && mediaOf(row);
  }

  vcards(id: number): readonly string[] {
    const rows = this.sides.vcards.all(id);
    if (rows.length === 0) return NONE;
    return rows.map((row) => textOf(row[vcardTable.at.vcard])).filter((vcard) => vcard !== '');
  }

  album(id: number): AlbumFields | undefined {
    const row = this.sides.album.first(id);
    const at = albumTable.at;
    return row && { imageCount: uint32Of(row[at.image_count]), videoCount: uint32Of(row[at.video_count]) };
  }

  revocation(id: number, type: number): RevocationFields {
    const row = this.sides.revoked.first(id);
    const at = revokedTable.at;
    const adminRowId = wholeOf(row?.[at.admin_jid_row_id]);
    return {
      revokeMs: timeOf(row?.[at.revoke_timestamp]),
      adminJid: this.jidOf(adminRowId),
      byAdmin: type === waType.revokedByAdmin || adminRowId > 0,
    };
  }

  location(id: number): LocationFields | undefined {
    const row = this.sides.location.first(id);
    if (row === undefined) return undefined;
    const at = locationTable.at;
    return {
      latitude: doubleOf(row[at.latitude]),
      longitude: doubleOf(row[at.longitude]),
      name: textOf(row[at.place_name]),
      address: textOf(row[at.place_address]),
      liveDurationSeconds: uint32Of(row[at.live_location_share_duration]),
      finalLatitude: doubleOf(row[at.live_location_final_latitude]),
      finalLongitude: doubleOf(row[at.live_location_final_longitude]),
      finalMs: timeOf(row[at.live_location_final_timestamp]),
    };
  }

  linkPreview(id: number): LinkPreviewFields | undefined {
    const row = this.sides.link.first(id);
    if (row === undefined) return undefined;
    const at = linkTable.at;
    const preview = {
      url: textOf(row[at.url]),
      title: textOf(row[at.page_title]),
      description: textOf(row[at.description]),
    };
    // The table also keeps the colours of text statuses.
    return preview.url === '' && preview.title === '' && preview.description === '' ? undefined : preview;
  }

  groupInvite(id: number): GroupInviteFields | undefined {
    const row = this.sides.groupInvite.first(id);
    if (row === undefined) return undefined;
    const at = groupInviteTable.at;
    return {
      groupJid: this.jidOf(wholeOf(row[at.group_jid_row_id])),
      groupName: textOf(row[at.group_name]),
      inviteCode: textOf(row[at.invite_code]),
      expireMs: statedTimeOf(row[at.expiration]),
    };
  }

  call(id: number): CallFields | undefined {
    const link = this.sides.call.first(id);
    const row = link && this.calls?.first(wholeOf(link[messageCallTable.at.call_log_row_id]));
    if (row !== undefined) {
      const at = callTable.at;
      const durationSeconds = uint32Of(row[at.duration]);
      const waResult = int32Of(row[at.call_result]);
      return {
        callId: textOf(row[at.call_id]),
        video: wholeOf(row[at.video_call]) !== 0,
        durationSeconds,
        outcome: outcomeOf(durationSeconds, waResult),
        groupJid: this.jidOf(wholeOf(row[at.group_jid_row_id])),
        waResult,
      };
    }
    const missed = this.sides.missedCall.first(id);
    if (missed === undefined) return undefined;
    return {
      callId: '',
      video: wholeOf(missed[missedCallTable.at.video_call]) !== 0,
      durationSeconds: 0,
      outcome: outcome.notAnswered,
      groupJid: this.jidOf(wholeOf(missed[missedCallTable.at.group_jid_row_id])),
      waResult: 0,
    };
  }

  /** `value` is the text of the message: the new subject or description. */
  systemEvent(id: number, type: number, value: string): SystemEventFields {
    const action = int32Of(this.sides.system.first(id)?.[systemTable.at.action_type]);
    const participants: string[] = [];
    for (const row of this.sides.participants.all(id)) {
      const jid = this.jidOf(wholeOf(row[systemParticipantTable.at.user_jid_row_id]));
      if (jid !== '') participants.push(jid);
    }
    const change = this.sides.numberChange.first(id);
    for (const column of [numberChangeTable.at.old_jid_row_id, numberChangeTable.at.new_jid_row_id]) {
      const jid = this.jidOf(wholeOf(change?.[column]));
      if (jid !== '' && !participants.includes(jid)) participants.push(jid);
    }
    return {
      kind: systemEventKindOf(action, type),
      waAction: action,
      participantJids: participants,
      value,
      oldValue: textOf(this.sides.valueChange.first(id)?.[valueChangeTable.at.old_data]),
    };
  }

  mentions(id: number): readonly string[] {
    const rows = this.sides.mentions.all(id);
    if (rows.length === 0) return NONE;
    const jids = new Set<string>();
    for (const row of rows) {
      const jid = this.jidOf(wholeOf(row[mentionTable.at.jid_row_id]));
      if (jid !== '') jids.add(jid);
    }
    return [...jids].sort();
  }

  private jidOf(rowId: number): string {
    return this.lids.use(this.addresses.known(rowId));
  }
}

const NONE: readonly string[] = [];

/** 5 is answered in every tool. They disagree on 2, 3 and 4, which all are ways of not answering; a duration does not lie. */
function outcomeOf(durationSeconds: number, result: number): number {
  if (durationSeconds > 0 || result === 5) return outcome.answered;
  return result >= 2 && result <= 4 ? outcome.notAnswered : outcome.unspecified;
}

function mediaOf(row: Row): MediaFields {
  const at = mediaTable.at;
  const size = wholeOf(row[at.file_size]);
  return {
    mimeType: textOf(row[at.mime_type]),
    fileName: textOf(row[at.media_name]),
    filePath: textOf(row[at.file_path]),
    sizeBytes: size > 0 ? size : Math.max(wholeOf(row[at.file_length]), 0),
    sha256: sha256Of(row[at.file_hash]),
    encryptedSha256: sha256Of(row[at.enc_file_hash]),
    mediaKey: bytesOf(row[at.media_key]),
    directPath: textOf(row[at.direct_path]),
    url: textOf(row[at.message_url]),
    durationSeconds: uint32Of(row[at.media_duration]),
    width: uint32Of(row[at.width]),
    height: uint32Of(row[at.height]),
    transcription: textOf(row[at.raw_transcription_text]),
  };
}
