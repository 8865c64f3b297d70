/** `windlass completion`: the scripts only hand over what was typed; what may follow is decided by `__complete`. */
import type { Shell } from "../tree/completion-commands.ts";
import { argumentOf, type Call } from "../tree/call.ts";

export async function completion(call: Call): Promise<void> {
  call.terminal.out(SCRIPTS[argumentOf(call, 0) as Shell]);
}

/** A line is a value, and what it is behind a tab; `:files` asks for paths. */
const SCRIPTS: Record<Shell, string> = {
  // With several candidates bash shows what is in COMPREPLY, so what each is stands behind it; one alone is inserted as it is.
  bash: String.raw`_windlass() {
  local line value shown=() values=()
  COMPREPLY=()
  compopt -o nosort 2>/dev/null
  while IFS= read -r line; do
    if [[ $line == :files ]]; then
      compopt -o default -o filenames 2>/dev/null
      while IFS= read -r value; do values+=("$value"); shown+=("$value"); done < <(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}")
      continue
    fi
    value=\${line%%$'\t'*}
    values+=("$value")
    if [[ $line == *$'\t'?* ]]; then shown+=("$value  (\${line#*$'\t'})"); else shown+=("$value"); fi
  done < <("\${COMP_WORDS[0]}" __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
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
