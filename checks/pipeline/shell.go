package pipeline

import (
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// maxScript bounds the bytes of a script that is looked into.
const maxScript = 32 << 10

// command is one command of a script: its words without quotes, "$NAME" where a
// variable stands. What only runs another command (sudo, env, npx) is left out.
type command struct {
	words     []string
	line      int  // in the script, from 0
	tolerated bool // its failure is let pass: "|| true"
}

// commands are the commands of a shell script, also those inside of functions,
// conditions, "bash -c" and "ssh host". A text that is no shell script is read line by line.
func commands(script string) []command { return commandsIn(script, 0) }

func commandsIn(script string, depth int) []command {
	if len(script) > maxScript {
		script = script[:maxScript]
	}
	const mostOpen = 4000 // nesting costs stack
	var out []command
	var file *syntax.File
	err := error(syntax.ParseError{})
	if strings.Count(script, "(")+strings.Count(script, "{")+strings.Count(script, "if") < mostOpen {
		file, err = syntax.NewParser().Parse(strings.NewReader(script), "")
	}
	if err != nil {
		for line, text := range strings.Split(script, "\n") {
			for _, part := range strings.FieldsFunc(text, func(r rune) bool { return r == ';' || r == '|' || r == '&' }) {
				if words := strings.Fields(strings.Map(unquoted, part)); len(words) > 0 && !strings.HasPrefix(words[0], "#") {
					out = append(out, unwrapped(command{words: words, line: line}, depth)...)
				}
			}
		}
		return out
	}
	var tolerated []syntax.Node
	syntax.Walk(file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.BinaryCmd:
			if n.Op == syntax.OrStmt && isHarmless(n.Y) {
				tolerated = append(tolerated, n.X)
			}
		case *syntax.CallExpr:
			c := command{line: int(n.Pos().Line()) - 1}
			for _, w := range n.Args {
				c.words = append(c.words, wordText(w.Parts))
			}
			c.tolerated = slices.ContainsFunc(tolerated, func(t syntax.Node) bool {
				return t.Pos().Offset() <= n.Pos().Offset() && n.End().Offset() <= t.End().Offset()
			})
			if len(c.words) > 0 {
				out = append(out, unwrapped(c, depth)...)
			}
		}
		return true
	})
	return out
}

func unquoted(r rune) rune {
	if r == '"' || r == '\'' || r == '`' {
		return ' '
	}
	return r
}

// isHarmless tells that a statement after "||" lets a failure pass.
func isHarmless(s *syntax.Stmt) bool {
	call, ok := s.Cmd.(*syntax.CallExpr)
	if !ok || len(call.Args) == 0 {
		return false
	}
	switch wordText(call.Args[0].Parts) {
	case "true", ":", "echo", "printf":
		return true
	case "exit":
		return len(call.Args) > 1 && wordText(call.Args[1].Parts) == "0"
	}
	return false
}

func wordText(parts []syntax.WordPart) string {
	var b strings.Builder
	for _, part := range parts {
		switch p := part.(type) {
		case *syntax.Lit:
			b.WriteString(strings.ReplaceAll(p.Value, "\\\n", ""))
		case *syntax.SglQuoted:
			b.WriteString(p.Value)
		case *syntax.DblQuoted:
			b.WriteString(wordText(p.Parts))
		case *syntax.ParamExp:
			b.WriteString("$")
			if p.Param != nil {
				b.WriteString(p.Param.Value)
			}
		default:
			b.WriteString("$()")
		}
	}
	return b.String()
}

// runners run the command behind them. The number is how many words of their own
// come first that are no flags.
var runners = map[string]int{
	"sudo": 0, "env": 0, "time": 0, "exec": 0, "nohup": 0, "command": 0, "nice": 0, "xargs": 0, "retry": 0, "eval": 0, "then": 0, "do": 0, "else": 0, "if": 0, "!": 0,
	"timeout": 1, "npx": 0, "bunx": 0, "dotenv": 0, "unbuffer": 0, "tee": 99, "setsid": 0, "stdbuf": 0,
}

// runnerPairs run the command behind their second word.
var runnerPairs = map[string][]string{
	"bundle": {"exec"}, "poetry": {"run"}, "pipenv": {"run"}, "uv": {"run"}, "pdm": {"run"}, "hatch": {"run"}, "rye": {"run"}, "pnpm": {"exec", "dlx"}, "yarn": {"exec", "dlx"},
	"npm": {"exec"}, "bun": {"x"}, "mise": {"exec", "x"}, "asdf": {"exec"}, "devbox": {"run"}, "direnv": {"exec"},
}

// runnersAfterDashes run what stands behind "--".
var runnersAfterDashes = []string{"aws-vault", "doppler", "op", "chamber", "nix", "with-env", "vault", "infisical", "teller", "sops"}

// unwrapped is the command that a command runs, and those of a script in its last word.
func unwrapped(c command, depth int) []command {
	for len(c.words) > 0 {
		name := path.Base(c.words[0])
		if strings.Contains(c.words[0], "=") && !strings.Contains(c.words[0], " ") && !strings.HasPrefix(c.words[0], "-") { // env A=b, or a line that is no shell
			c.words = c.words[1:]
			continue
		}
		own, isRunner := runners[name]
		switch at := slices.Index(c.words, "--"); {
		case isRunner:
			rest := c.words[1:]
			for len(rest) > 0 && (strings.HasPrefix(rest[0], "-") || own > 0) {
				if !strings.HasPrefix(rest[0], "-") {
					own--
				}
				rest = rest[1:]
			}
			c.words = rest
			continue
		case len(c.words) > 2 && slices.Contains(runnerPairs[name], c.words[1]):
			c.words = c.words[2:]
			continue
		case at > 0 && slices.Contains(runnersAfterDashes, name):
			c.words = c.words[at+1:]
			continue
		}
		break
	}
	if len(c.words) == 0 {
		return nil
	}
	out := []command{c}
	last := c.words[len(c.words)-1]
	isShell := slices.Contains([]string{"bash", "sh", "zsh", "dash"}, path.Base(c.words[0])) && slices.ContainsFunc(c.words, func(w string) bool {
		return len(w) > 1 && len(w) < 6 && w[0] == '-' && w[1] != '-' && strings.HasSuffix(w, "c")
	})
	if depth < 3 && len(c.words) > 2 && (isShell || path.Base(c.words[0]) == "ssh") && strings.ContainsAny(last, " \n") {
		for _, inner := range commandsIn(last, depth+1) {
			inner.line += c.line
			inner.tolerated = inner.tolerated || c.tolerated
			out = append(out, inner)
		}
	} else if path.Base(c.words[0]) == "ssh" && depth < 3 { // ssh host kubectl apply
		for i := 1; i < len(c.words); i++ {
			if _, known := tools[c.words[i]]; known {
				out = append(out, command{words: c.words[i:], line: c.line, tolerated: c.tolerated})
				break
			}
		}
	}
	return out
}

// targets are the names that a command gives to a task of the repository: a script's
// path, a target of make, a script of package.json.
func (c command) targets() []string {
	name := path.Base(c.words[0])
	plain := func(words []string) []string {
		var out []string
		for _, w := range words {
			if !strings.HasPrefix(w, "-") && !strings.Contains(w, "=") && !strings.HasPrefix(w, "$") {
				out = append(out, w)
			}
		}
		return out
	}
	rest := plain(c.words[1:])
	switch name {
	case "make", "just", "task", "rake", "mage", "gmake", "invoke", "inv", "fab", "rails", "nox", "mix":
		return rest
	case "npm", "yarn", "pnpm", "bun", "deno", "turbo", "nx", "lerna", "composer", "gulp", "grunt", "mvnw", "gradle":
		if len(rest) > 0 && slices.Contains([]string{"run", "run-script", "task"}, rest[0]) {
			rest = rest[1:]
		}
		if len(rest) > 0 {
			return rest[:1]
		}
		return nil
	case "source", ".", "export", "cd", "cat", "echo", "chmod", "test", "[", "[[", "mkdir", "cp", "mv", "rm", "ls", "touch", "tee", "printf", "set":
		return nil
	case "bash", "sh", "zsh", "python", "python3", "ruby", "node", "php", "perl", "pwsh", "tsx", "ts-node":
		if len(rest) > 0 && (strings.Contains(rest[0], "/") || strings.Contains(rest[0], ".")) && !strings.Contains(rest[0], " ") {
			return rest[:1]
		}
		return nil
	case "go":
		if len(rest) > 1 && rest[0] == "run" {
			return rest[1:2]
		}
		return nil
	}
	if strings.Contains(c.words[0], "/") && !strings.HasPrefix(c.words[0], "/usr/") && !strings.HasPrefix(c.words[0], "/bin/") {
		return c.words[:1]
	}
	return nil
}

// script is the path of the shell script that a command runs, as it is written; "" for none.
func (c command) script() string {
	if name := c.words[0]; (name == "source" || name == ".") && len(c.words) > 1 {
		return c.words[1]
	}
	for _, t := range c.targets() {
		base := path.Base(t)
		if strings.HasSuffix(base, ".sh") || strings.HasSuffix(base, ".bash") || t == c.words[0] && !strings.Contains(base, ".") {
			return t
		}
	}
	return ""
}
