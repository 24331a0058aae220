import { type Foreign, foreignProgram, foreignWanted, parseForeign } from '../../../host/foreign.ts';
import { shellWord } from '../../../kernel/shell.ts';
import { piece } from './piece.ts';

export type { Foreign };

/** What is not Socle's and wins over it, or adds to it: by the program that looks for it in a comparison. */
export const foreign = piece<readonly Foreign[]>({
  script: (platform) => `export SOCLE_WANTED=${shellWord(JSON.stringify(foreignWanted(platform)))}
python3 - look <<'EOF_OF_PROGRAM'
${foreignProgram()}
EOF_OF_PROGRAM`,
  parse: parseForeign,
});
