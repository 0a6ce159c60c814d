import { takeSurvey } from '../src/backup/msgstore/survey.js';
import type { Answer, SurveyResult, SurveyTask } from '../src/backup/task.js';
import { workBehindOthers } from '../src/backup/priority.js';

workBehindOthers();

/** Piscina's entry: looks a database over. */
export default function survey(task: SurveyTask): Answer<SurveyResult> {
  return takeSurvey(task);
}
