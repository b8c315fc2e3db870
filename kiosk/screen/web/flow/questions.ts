// What the server serves, and the order of questions. next mirrors
// feedback.Questionnaire.Next.

export type Text = Record<string, string>;

export interface Option {
  id: string;
  text: Text;
}

export interface Question {
  id: string;
  kind: string;
  text: Text;
  help?: Text;
  options?: Option[];
  max?: number;
  when?: { question: string; scores: number[] };
}

export interface Questionnaire {
  id: string;
  version: number;
  title: Text;
  questions: Question[];
}

export interface Answer {
  questionnaire: string;
  version: number;
  question: string;
  language: string;
  score?: number;
  choices?: string[];
  skipped?: boolean;
}

export type Scores = Record<string, number>;

/** isTap says whether one tap answers a question of this kind. */
export function isTap(q: Question): boolean {
  return q.kind === "satisfaction" || q.kind === "yes-partly-no";
}

/** isShown: words, voice and photos are messages, and no questions. */
function isShown(q: Question): boolean {
  return isTap(q) || q.kind === "choices";
}

export function question(q: Questionnaire, id: string): Question | undefined {
  return q.questions.find((e) => e.id === id);
}

export function next(q: Questionnaire, after: string, scores: Scores): Question | undefined {
  const from = after === "" ? 0 : q.questions.findIndex((e) => e.id === after) + 1;
  return q.questions
    .slice(from)
    .find((e) => isShown(e) && (!e.when || e.when.scores.includes(scores[e.when.question] ?? 0)));
}

/** path is every question of this visit. Each score asks as much as any other,
 *  so that a question not yet scored may stand for its best. */
export function path(q: Questionnaire, scores: Scores): string[] {
  const assumed: Scores = { ...scores };
  for (const e of q.questions) if (e.kind === "satisfaction") assumed[e.id] ??= 5;
  const ids: string[] = [];
  for (let e = next(q, "", assumed); e; e = next(q, e.id, assumed)) ids.push(e.id);
  return ids;
}

export function most(q: Question): number {
  return q.max || q.options?.length || 1;
}

/** MessageForm is what a message may be about, and what its sender agrees to. */
export interface MessageForm {
  questionnaire: string;
  version: number;
  title: Text;
  kinds: Option[];
  subjects: Option[];
  places: Option[];
  consents: { purpose: string; text: Text }[];
}
