import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { LiveLabel, LiveLabelling } from '../domain/live-event.js';
import {
  ChatLabelSchema,
  type ChatRecord,
  ChatRecordSchema,
  type LabelRecord,
  LabelRecordSchema,
} from '../gen/scrollback/store/v1/record_pb.js';
import type { Commit } from './commit.js';
import { chatOf, saveChat } from './directory.js';
import { chatNumberKey, keyspace, textKey } from './keyspaces.js';

/** Keeps what a label is called, and renames it in the chats that have it. An older source changes nothing. */
export async function putLabel(commit: Commit, { labelId, name, deleted, asOfMs }: LiveLabel): Promise<void> {
  const label = await loadLabel(commit, labelId);
  const asOf = BigInt(asOfMs);
  if (asOf < label.asOfMs || (asOf === label.asOfMs && name <= label.name)) return;
  saveLabel(commit, labelId, { ...label, name, deleted, asOfMs: asOf });
  for (const chatNumber of label.chatNumbers) {
    const record = await loadUnited(commit, chatNumber);
    if (record === undefined) continue;
    const before = toBinary(ChatRecordSchema, record);
    await nameLabels(commit, record);
    saveChat(commit, record, before);
  }
}

/** Gives a chat a label or takes it away. Of the same time, given wins, so that the order of arrival does not matter. */
export async function labelChat(commit: Commit, record: ChatRecord, told: LiveLabelling): Promise<void> {
  const before = toBinary(ChatRecordSchema, record);
  note(record, told.labelId, told.given, BigInt(told.asOfMs));
  await link(commit, told.labelId, record.chatNumber);
  await nameLabels(commit, record);
  saveChat(commit, record, before);
}

/** Joins the labels of two records of one chat into the first, which the caller saves. */
export async function joinLabels(commit: Commit, target: ChatRecord, gone: ChatRecord): Promise<void> {
  for (const { labelId, given, asOfMs } of gone.labels) {
    note(target, labelId, given, asOfMs);
    await link(commit, labelId, target.chatNumber);
  }
  await nameLabels(commit, target);
}

function note(record: ChatRecord, labelId: string, given: boolean, asOfMs: bigint): void {
  const known = record.labels.find((label) => label.labelId === labelId);
  if (known !== undefined && (asOfMs < known.asOfMs || (asOfMs === known.asOfMs && !given))) return;
  const others = record.labels.filter((label) => label !== known);
  const labels = [...others, create(ChatLabelSchema, { labelId, given, asOfMs })];
  record.labels = labels.sort((a, b) => (a.labelId < b.labelId ? -1 : 1));
}

/** Remembers where a label is used. */
async function link(commit: Commit, labelId: string, chatNumber: number): Promise<void> {
  const label = await loadLabel(commit, labelId);
  if (label.chatNumbers.includes(chatNumber)) return;
  saveLabel(commit, labelId, { ...label, chatNumbers: [...label.chatNumbers, chatNumber] });
}

async function nameLabels(commit: Commit, record: ChatRecord): Promise<void> {
  const names = new Set<string>();
  for (const { labelId, given } of record.labels) {
    const label = await loadLabel(commit, labelId);
    if (given && !label.deleted && label.name !== '') names.add(label.name);
  }
  chatOf(record).labels = [...names].sort();
}

async function loadLabel(commit: Commit, labelId: string): Promise<LabelRecord> {
  const value = await commit.overlay.get(textKey(keyspace.label, labelId));
  return value === undefined ? create(LabelRecordSchema) : fromBinary(LabelRecordSchema, value);
}

function saveLabel(commit: Commit, labelId: string, label: LabelRecord): void {
  commit.overlay.put(textKey(keyspace.label, labelId), Buffer.from(toBinary(LabelRecordSchema, label)));
}

/** The record of a chat, also when it was united with another one since. */
async function loadUnited(commit: Commit, chatNumber: number): Promise<ChatRecord | undefined> {
  const united = await commit.overlay.get(chatNumberKey(keyspace.united, chatNumber));
  const number = united === undefined ? chatNumber : united.readUInt32BE(0);
  const value = await commit.overlay.get(chatNumberKey(keyspace.chat, number));
  return value === undefined ? undefined : fromBinary(ChatRecordSchema, value);
}
