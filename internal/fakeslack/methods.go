package fakeslack

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// object is JSON.
type object = map[string]any

func refuse(code string) object { return object{"ok": false, "error": code} }

// method is a call of the API: the scopes of which a bot needs one, and what it does.
type method struct {
	scopes []string
	do     func(*Server, url.Values) object
}

var methods = map[string]method{
	"auth.test":             {nil, (*Server).authTest},
	"chat.postMessage":      {[]string{"chat:write"}, (*Server).postMessage},
	"chat.update":           {[]string{"chat:write"}, (*Server).update},
	"conversations.archive": {[]string{"channels:manage", "groups:write"}, (*Server).archive},
	"conversations.create":  {[]string{"channels:manage", "groups:write"}, (*Server).create},
	"conversations.history": {[]string{"channels:history", "groups:history"}, (*Server).history},
	"conversations.info":    {[]string{"channels:read", "groups:read"}, (*Server).info},
	"conversations.invite":  {[]string{"channels:manage", "channels:write.invites", "groups:write"}, (*Server).invite},
	"conversations.join":    {[]string{"channels:join"}, (*Server).join},
	"conversations.list":    {[]string{"channels:read", "groups:read"}, (*Server).list},
	"conversations.replies": {[]string{"channels:history", "groups:history"}, (*Server).replies},
	"conversations.setPurpose": {[]string{"channels:manage", "channels:write.topic", "groups:write"},
		func(s *Server, a url.Values) object {
			return s.set(a, "purpose", func(c *Channel, v string) { c.Purpose = v })
		}},
	"conversations.setTopic": {[]string{"channels:manage", "channels:write.topic", "groups:write"},
		func(s *Server, a url.Values) object {
			return s.set(a, "topic", func(c *Channel, v string) { c.Topic = v })
		}},
	"pins.add":              {[]string{"pins:write"}, (*Server).pin},
	"usergroups.list":       {[]string{"usergroups:read"}, (*Server).groups},
	"usergroups.users.list": {[]string{"usergroups:read"}, (*Server).groupMembers},
	"users.info":            {[]string{"users:read"}, (*Server).userInfo},
	"users.lookupByEmail":   {[]string{"users:read.email"}, (*Server).userByEmail},
}

func (s *Server) call(name, token string, args url.Values) object {
	m, known := methods[name]
	switch {
	case !known:
		return object{"ok": false, "error": "unknown_method", "req_method": name}
	case token == "":
		return refuse("not_authed")
	case token != Token:
		return refuse("invalid_auth")
	case len(m.scopes) > 0 && !slices.ContainsFunc(m.scopes, func(scope string) bool { return slices.Contains(s.Scopes, scope) }):
		return object{"ok": false, "error": "missing_scope", "needed": strings.Join(m.scopes, ","), "provided": strings.Join(s.Scopes, ",")}
	}
	return m.do(s, args)
}

func (s *Server) authTest(url.Values) object {
	return object{"ok": true, "url": "https://acme.slack.com/", "team": "Acme", "user": "pmcheck", "team_id": Team, "user_id": Bot, "bot_id": BotID, "is_enterprise_install": false}
}

// writable is the channel that a call writes to, or Slack's refusal. A channel's name is taken by chat.postMessage alone.
func (s *Server) writable(args url.Values, byName bool) (*Channel, object) {
	c := s.find(args.Get("channel"))
	switch {
	case c == nil, !byName && c.ID != args.Get("channel"), c.Private && !slices.Contains(c.Members, Bot):
		return nil, refuse("channel_not_found")
	case c.Archived:
		return nil, refuse("is_archived")
	case !slices.Contains(c.Members, Bot):
		return nil, refuse("not_in_channel")
	}
	return c, nil
}

func (s *Server) postMessage(args url.Values) object {
	c, refused := s.writable(args, true)
	text := args.Get("text")
	switch {
	case refused != nil:
		if refused["error"] == "not_in_channel" && slices.Contains(s.Scopes, "chat:write.public") {
			c = s.find(args.Get("channel"))
			break
		}
		return refused
	case text == "":
		return refuse("no_text")
	case len([]rune(text)) > 40_000:
		return refuse("msg_too_long")
	}
	m := Message{Thread: args.Get("thread_ts"), User: Bot, BotID: BotID, BotName: "pmcheck", Text: text}
	if m.Thread != "" && !slices.ContainsFunc(c.Messages, func(o Message) bool { return o.TS == m.Thread }) {
		return refuse("thread_not_found")
	}
	m.TS = s.put(c, m)
	return object{"ok": true, "channel": c.ID, "ts": m.TS, "message": s.message(c, m)}
}

func (s *Server) update(args url.Values) object {
	c, refused := s.writable(args, false)
	if refused != nil {
		return refused
	}
	for i := range c.Messages {
		m := &c.Messages[i]
		switch {
		case m.TS != args.Get("ts"):
			continue
		case m.User != Bot:
			return refuse("cant_update_message")
		}
		m.Text, m.Edited = args.Get("text"), true
		return object{"ok": true, "channel": c.ID, "ts": m.TS, "text": m.Text, "message": s.message(c, *m)}
	}
	return refuse("message_not_found")
}

var channelName = regexp.MustCompile(`^[\p{Ll}\p{Lo}\d_-]+$`)

func (s *Server) create(args url.Values) object {
	name := args.Get("name")
	switch {
	case s.Restricted:
		return refuse("restricted_action")
	case name == "":
		return refuse("invalid_name_required")
	case len([]rune(name)) > 80:
		return refuse("invalid_name_maxlength")
	case strings.Trim(name, "-_") == "":
		return refuse("invalid_name_punctuation")
	case !channelName.MatchString(name):
		return refuse("invalid_name_specials")
	case slices.ContainsFunc(s.Channels, func(c *Channel) bool { return c.Name == name }): // archived ones keep their names
		return refuse("name_taken")
	}
	s.ids++
	c := &Channel{ID: fmt.Sprintf("C0NEW%05d", s.ids), Name: name, Creator: Bot, Private: args.Get("is_private") == "true", Created: s.Now().Unix(), Members: []string{Bot}}
	s.Channels = append(s.Channels, c)
	s.put(c, Message{User: Bot, Subtype: "channel_join", Text: "<@" + Bot + "> has joined the channel"})
	return object{"ok": true, "channel": s.channel(c)}
}

func (s *Server) invite(args url.Values) object {
	c, refused := s.writable(args, false)
	if refused != nil {
		return refused
	}
	var errors []any
	var invited []string
	for _, id := range strings.Split(args.Get("users"), ",") {
		u := s.user(id)
		code := ""
		switch {
		case id == Bot:
			code = "cant_invite_self"
		case u == nil:
			code = "user_not_found"
		case u.Deactivated:
			code = "user_disabled"
		case slices.Contains(c.Members, id):
			code = "already_in_channel"
		}
		if code != "" {
			errors = append(errors, object{"user": id, "ok": false, "error": code})
		} else if !slices.Contains(invited, id) {
			invited = append(invited, id)
		}
	}
	if len(errors) > 0 { // without force, one that cannot be invited keeps all from it
		return object{"ok": false, "error": errors[0].(object)["error"], "errors": errors}
	}
	for _, id := range invited {
		c.Members = append(c.Members, id)
		s.put(c, Message{User: id, Subtype: "channel_join", Text: "<@" + id + "> has joined the channel"})
	}
	return object{"ok": true, "channel": s.channel(c)}
}

func (s *Server) join(args url.Values) object {
	c := s.find(args.Get("channel"))
	switch {
	case c == nil || c.ID != args.Get("channel") || c.Private:
		return refuse("channel_not_found")
	case c.Archived:
		return refuse("is_archived")
	case !slices.Contains(c.Members, Bot):
		c.Members = append(c.Members, Bot)
	}
	return object{"ok": true, "channel": s.channel(c)}
}

func (s *Server) set(args url.Values, what string, set func(*Channel, string)) object {
	c, refused := s.writable(args, false)
	value := args.Get(what)
	switch {
	case refused != nil:
		return refused
	case len([]rune(value)) > 250:
		return refuse("too_long")
	}
	set(c, value)
	s.put(c, Message{User: Bot, Subtype: "channel_" + what, Text: "<@" + Bot + "> set the channel " + what + ": " + value})
	return object{"ok": true, "channel": s.channel(c)}
}

func (s *Server) archive(args url.Values) object {
	c, refused := s.writable(args, false)
	switch {
	case refused != nil && refused["error"] == "is_archived":
		return refuse("already_archived")
	case refused != nil:
		return refused
	case c.Name == "general":
		return refuse("cant_archive_general")
	}
	c.Archived = true
	return object{"ok": true}
}

func (s *Server) info(args url.Values) object {
	c := s.find(args.Get("channel"))
	if c == nil || c.ID != args.Get("channel") {
		return refuse("channel_not_found")
	}
	return object{"ok": true, "channel": s.channel(c)}
}

func (s *Server) list(args url.Values) object {
	var items []any
	for _, c := range s.Channels {
		if args.Get("exclude_archived") == "true" && c.Archived || c.Private && !strings.Contains(args.Get("types"), "private_channel") {
			continue
		}
		items = append(items, s.channel(c))
	}
	return s.page("channels", items, args, false)
}

// history gives the messages that are no replies, the newest first.
func (s *Server) history(args url.Values) object {
	c, refused := s.readable(args)
	if refused != nil {
		return refused
	}
	var items []any
	for _, m := range slices.Backward(sorted(c.Messages)) {
		if m.Thread == "" && s.within(m.TS, args) {
			items = append(items, s.message(c, m))
		}
	}
	return s.page("messages", items, args, true)
}

// replies gives a thread, its first message first.
func (s *Server) replies(args url.Values) object {
	c, refused := s.readable(args)
	if refused != nil {
		return refused
	}
	var items []any
	for _, m := range sorted(c.Messages) {
		if m.TS == args.Get("ts") || m.Thread == args.Get("ts") && s.within(m.TS, args) {
			items = append(items, s.message(c, m))
		}
	}
	if len(items) == 0 {
		return refuse("thread_not_found")
	}
	return s.page("messages", items, args, true)
}

func sorted(messages []Message) []Message {
	return slices.SortedStableFunc(slices.Values(messages), func(a, b Message) int { return cmp.Compare(seconds(a.TS), seconds(b.TS)) })
}

func seconds(ts string) float64 {
	value, _ := strconv.ParseFloat(ts, 64)
	return value
}

func (s *Server) readable(args url.Values) (*Channel, object) {
	c := s.find(args.Get("channel"))
	switch {
	case c == nil || c.ID != args.Get("channel"):
		return nil, refuse("channel_not_found")
	case !slices.Contains(c.Members, Bot):
		return nil, refuse("not_in_channel")
	}
	return c, nil
}

func (s *Server) within(ts string, args url.Values) bool {
	at := seconds(ts)
	inclusive := args.Get("inclusive") == "1" || args.Get("inclusive") == "true"
	if oldest := args.Get("oldest"); oldest != "" && (at < seconds(oldest) || at == seconds(oldest) && !inclusive) {
		return false
	}
	latest := args.Get("latest")
	return latest == "" || at < seconds(latest) || at == seconds(latest) && inclusive
}

// page is one page of items; a cursor is where it begins, in the form of Slack's.
func (s *Server) page(name string, items []any, args url.Values, hasMore bool) object {
	from := 0
	if cursor := args.Get("cursor"); cursor != "" {
		text, err := base64.StdEncoding.DecodeString(cursor)
		if err != nil {
			return refuse("invalid_cursor")
		}
		from, _ = strconv.Atoi(strings.TrimPrefix(string(text), "next_ts:"))
	}
	from = min(max(from, 0), len(items))
	size := s.PageSize
	if limit, err := strconv.Atoi(args.Get("limit")); err == nil && limit > 0 {
		size = min(size, limit)
	}
	to := min(from+size, len(items))
	next := ""
	if to < len(items) {
		next = base64.StdEncoding.EncodeToString([]byte("next_ts:" + strconv.Itoa(to)))
	}
	out := object{"ok": true, name: append([]any{}, items[from:to]...), "response_metadata": object{"next_cursor": next}}
	if hasMore {
		out["has_more"] = next != ""
	}
	return out
}

func (s *Server) pin(args url.Values) object {
	c, refused := s.writable(args, false)
	ts := args.Get("timestamp")
	switch {
	case refused != nil:
		return refused
	case !slices.ContainsFunc(c.Messages, func(m Message) bool { return m.TS == ts }):
		return refuse("message_not_found")
	case slices.Contains(c.Pins, ts):
		return refuse("already_pinned")
	}
	c.Pins = append(c.Pins, ts)
	return object{"ok": true}
}

func (s *Server) groups(url.Values) object {
	items := []any{}
	for _, g := range s.Groups {
		items = append(items, object{"id": g.ID, "team_id": Team, "is_usergroup": true, "name": g.Handle, "handle": g.Handle, "description": "", "date_delete": 0, "user_count": len(g.Members)})
	}
	return object{"ok": true, "usergroups": items}
}

func (s *Server) groupMembers(args url.Values) object {
	for _, g := range s.Groups {
		if g.ID == args.Get("usergroup") {
			return object{"ok": true, "users": append([]string{}, g.Members...)}
		}
	}
	return refuse("no_such_subteam")
}

func (s *Server) user(id string) *User {
	for i := range s.Users {
		if s.Users[i].ID == id {
			return &s.Users[i]
		}
	}
	return nil
}

func (s *Server) userInfo(args url.Values) object {
	if u := s.user(args.Get("user")); u != nil {
		return object{"ok": true, "user": s.userObject(u)}
	}
	return refuse("user_not_found")
}

func (s *Server) userByEmail(args url.Values) object {
	for i := range s.Users {
		if strings.EqualFold(s.Users[i].Email, args.Get("email")) && !s.Users[i].Deactivated {
			return object{"ok": true, "user": s.userObject(&s.Users[i])}
		}
	}
	return refuse("users_not_found")
}

func (s *Server) userObject(u *User) object {
	return object{
		"id": u.ID, "team_id": Team, "name": strings.ToLower(strings.ReplaceAll(u.RealName, " ", ".")), "deleted": u.Deactivated, "real_name": u.RealName, "tz": "Europe/Berlin",
		"is_bot": u.Bot, "is_app_user": false, "updated": 1502138686,
		"profile": object{"real_name": u.RealName, "display_name": u.DisplayName, "real_name_normalized": u.RealName, "display_name_normalized": u.DisplayName, "email": u.Email, "team": Team},
	}
}

func (s *Server) channel(c *Channel) object {
	return object{
		"id": c.ID, "name": c.Name, "name_normalized": c.Name, "is_channel": !c.Private, "is_group": c.Private, "is_im": false, "is_mpim": false, "is_private": c.Private, "created": c.Created,
		"creator": c.Creator, "is_archived": c.Archived, "is_general": c.Name == "general", "is_member": slices.Contains(c.Members, Bot), "is_shared": false, "is_ext_shared": false,
		"is_org_shared": false, "unlinked": 0, "context_team_id": Team, "updated": 0, "pending_shared": []any{}, "previous_names": []any{}, "num_members": len(c.Members),
		"topic":   object{"value": c.Topic, "creator": c.Creator, "last_set": 0},
		"purpose": object{"value": c.Purpose, "creator": c.Creator, "last_set": 0},
	}
}

func (s *Server) message(c *Channel, m Message) object {
	out := object{"type": "message", "ts": m.TS, "text": m.Text, "team": Team}
	for key, value := range map[string]string{"user": m.User, "bot_id": m.BotID, "subtype": m.Subtype, "thread_ts": m.Thread} {
		if value != "" {
			out[key] = value
		}
	}
	switch {
	case m.Subtype == "bot_message":
		out["username"] = m.BotName
	case m.BotID != "":
		out["bot_profile"] = object{"id": m.BotID, "app_id": "A0APP00001", "name": m.BotName, "deleted": false, "team_id": Team}
	}
	if m.Edited {
		out["edited"] = object{"user": m.User, "ts": m.TS}
	}
	replies := 0
	for _, o := range c.Messages {
		if o.Thread == m.TS && o.TS != m.TS {
			replies++
			out["latest_reply"] = o.TS
		}
	}
	if replies > 0 {
		out["thread_ts"], out["reply_count"] = m.TS, replies
	}
	return out
}
