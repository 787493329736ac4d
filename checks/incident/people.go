package incident

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pmcheck/pmcheck/checks/slack"
)

// invite invites those who are not yet, or mentions them in the thread where the channel is not the incident's own.
func (d *Desk) invite(ctx context.Context, s *State, all []Invitation) {
	var people, mentions []string
	for _, i := range all {
		ids, err := d.resolve(ctx, i.Who)
		if err != nil {
			d.note("%s was not invited: %v", i.Who, err)
			continue
		}
		mention := ""
		if groupID.MatchString(i.Who) {
			mention = "<!subteam^" + i.Who + ">"
		}
		for _, id := range ids {
			if i.Role != "" {
				s.assign(id, i.Role)
			}
			if slices.Contains(s.Invited, id) || slices.Contains(people, id) {
				continue
			}
			people = append(people, id)
			if m := "<@" + id + ">"; mention == "" {
				mentions = append(mentions, m)
			} else if !slices.Contains(mentions, mention) {
				mentions = append(mentions, mention)
			}
		}
	}
	switch {
	case len(people) == 0:
	case !s.Channel.Own:
		if _, err := d.Client.Send(ctx, slack.Message{Channel: s.Channel.ID, Thread: s.Channel.Summary, Text: "Please have a look: " + strings.Join(mentions, " ")}); err != nil {
			d.note("nobody was called: %v", err)
			return
		}
		s.Invited = append(s.Invited, people...)
	default:
		d.inviteAll(ctx, s, people)
	}
}

// inviteAll invites all at once, and each alone where one of them keeps the others out.
func (d *Desk) inviteAll(ctx context.Context, s *State, people []string) {
	if _, err := d.Client.API().InviteUsersToConversationContext(ctx, s.Channel.ID, people...); err == nil {
		s.Invited = append(s.Invited, people...)
		return
	}
	for _, id := range people {
		_, err := d.Client.API().InviteUsersToConversationContext(ctx, s.Channel.ID, id)
		if code := slack.Code(err); err != nil && code != "already_in_channel" && code != "cant_invite_self" {
			d.note("%s was not invited: %v", id, err)
			continue
		}
		s.Invited = append(s.Invited, id)
	}
}

// resolve gives the ids of the people behind an invitation.
func (d *Desk) resolve(ctx context.Context, who string) ([]string, error) {
	api := d.Client.API()
	switch {
	case personID.MatchString(who):
		return []string{who}, nil
	case groupID.MatchString(who):
		return api.GetUserGroupMembersContext(ctx, who)
	case handle.MatchString(who):
		groups, err := api.GetUserGroupsContext(ctx)
		if err != nil {
			return nil, err
		}
		for _, g := range groups {
			if "@"+g.Handle == who {
				return api.GetUserGroupMembersContext(ctx, g.ID)
			}
		}
		return nil, fmt.Errorf("there is no user group %s", who)
	}
	user, err := api.GetUserByEmailContext(ctx, who)
	if err != nil {
		return nil, err
	}
	return []string{user.ID}, nil
}
