/** `windlass completion`: the scripts only hand over what was typed; what may follow is decided by `__complete`. */
import type { Shell } from "../tree/completion-commands.ts";
import { argumentOf, type Call } from "../tree/call.ts";

export async function completion(call: Call): Promise<void> {
  call.terminal.out(SCRIPTS[argumentOf(call, 0) as Shell]);
}

/** A line is a value, and what it is behind a tab; `:files` asks for paths. */
const SCRIPTS: Record<Shell, string> = {
  // With several candidates bash shows what is in COMPREPLY, so what each is stands behind it; one alone is inserted as it is.
  // Bash parts words at = and : as well: what no blank stands before belongs to the word before, and is not written again.
  bash: String.raw`_windlass() {
  local rest=$COMP_LINE word before i n=0 line value words=() shown=() values=()
  COMPREPLY=()
  compopt -o nosort 2>/dev/null
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    before=
    if ((n > 0)) && [[ -n $rest && $rest != [[:blank:]]* ]]; then
      before=\${words[n - 1]}
      words[n - 1]+=$word
    else
      words[n]=$word
      n=$((n + 1))
    fi
    rest=\${rest#*"$word"}
  done
  if [[ -n $before && $word != *[!=:]* ]]; then
    before=\${words[n - 1]}
    word=
  fi
  while IFS= read -r line; do
    if [[ $line == :files ]]; then
      compopt -o default -o filenames 2>/dev/null
      while IFS= read -r value; do values+=("$value"); shown+=("$value"); done < <(compgen -f -- "$word")
      continue
    fi
    value=\${line%%$'\t'*}
    value=\${value#"$before"}
    values+=("$value")
    if [[ $line == *$'\t'?* ]]; then shown+=("$value  (\${line#*$'\t'})"); else shown+=("$value"); fi
  done < <("\${words[0]}" __complete -- "\${words[@]:1}" 2>/dev/null)
  if (( \${#values[@]} > 1 )) && [[ \${COMP_TYPE:-0} != 37 ]]; then COMPREPLY=("\${shown[@]}"); else COMPREPLY=("\${values[@]}"); fi
}
complete -F _windlass windlass
`.replaceAll(String.raw`\$`, "$"),
  zsh: String.raw`#compdef windlass
_windlass() {
  local line
  local -a values shown
  for line in "\${(@f)$("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    [[ -z $line ]] && continue
    if [[ $line == :files ]]; then _files; continue; fi
    values+=("\${line%%$'\t'*}")
    if [[ $line == *$'\t'?* ]]; then shown+=("\${line%%$'\t'*}  -- \${line#*$'\t'}"); else shown+=("\${line%%$'\t'*}"); fi
  done
  (( \${#values} )) && compadd -l -V windlass -d shown -a values
}
compdef _windlass windlass
`.replaceAll(String.raw`\$`, "$"),
  fish: String.raw`function __windlass_complete
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  for line in ($words[1] __complete -- $words[2..-1] "$current" 2>/dev/null)
    if test "$line" = :files
      __fish_complete_path "$current"
    else
      echo $line
    end
  end
end
complete -c windlass -f -k -a '(__windlass_complete)'
`,
};
