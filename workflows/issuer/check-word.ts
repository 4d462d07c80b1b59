import type { IssuerCall } from '../../domain/credit/credit.ts';
import { weighWord, type SaidEnd, type WeighedWord } from '../../domain/credit/operator-word.ts';
import { lookUpOnce } from './ask-until-known.ts';

/** Asks the issuer once more before an operator's word is believed. If it is still silent the word counts. */
export async function checkWord(call: IssuerCall, word: SaidEnd): Promise<WeighedWord> {
  return weighWord(call.key, word, await lookUpOnce(call));
}
