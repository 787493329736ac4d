package code

/*
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

// Tree-sitter's own declarations (api.h of the version that go.mod names), as far as they are used here: the package
// that holds the library makes a call into C and a map's entry of each node, which cost more than the parser.
typedef struct { uint32_t context[4]; const void *id; const void *tree; } TSNode;
typedef struct { const void *tree; const void *id; uint32_t context[3]; } TSTreeCursor;
TSTreeCursor ts_tree_cursor_new(TSNode node);
void ts_tree_cursor_delete(TSTreeCursor *self);
TSNode ts_tree_cursor_current_node(const TSTreeCursor *self);
uint16_t ts_tree_cursor_current_field_id(const TSTreeCursor *self);
bool ts_tree_cursor_goto_parent(TSTreeCursor *self);
bool ts_tree_cursor_goto_next_sibling(TSTreeCursor *self);
bool ts_tree_cursor_goto_first_child(TSTreeCursor *self);
uint16_t ts_node_symbol(TSNode self);
uint32_t ts_node_start_byte(TSNode self);
uint32_t ts_node_end_byte(TSNode self);
bool ts_node_is_named(TSNode self);

typedef struct { uint32_t start, end, depth; uint16_t symbol, field; bool named; } treeRow;
typedef struct { TSTreeCursor cursor; uint32_t depth; bool done; } treeWalk;

static treeWalk *tree_walk_new(TSNode root) {
	treeWalk *w = calloc(1, sizeof *w);
	if (w) w->cursor = ts_tree_cursor_new(root);
	return w;
}

static void tree_walk_free(treeWalk *w) {
	ts_tree_cursor_delete(&w->cursor);
	free(w);
}

// tree_walk_next writes the next nodes, parents before their children, and returns how many; 0 at the end.
static int tree_walk_next(treeWalk *w, treeRow *rows, int room) {
	int n = 0;
	while (n < room && !w->done) {
		TSNode node = ts_tree_cursor_current_node(&w->cursor);
		rows[n++] = (treeRow){ts_node_start_byte(node), ts_node_end_byte(node), w->depth, ts_node_symbol(node),
			ts_tree_cursor_current_field_id(&w->cursor), ts_node_is_named(node)};
		if (ts_tree_cursor_goto_first_child(&w->cursor)) {
			w->depth++;
			continue;
		}
		while (!ts_tree_cursor_goto_next_sibling(&w->cursor)) {
			if (w->depth == 0 || !ts_tree_cursor_goto_parent(&w->cursor)) {
				w->done = true;
				break;
			}
			w->depth--;
		}
	}
	return n;
}
*/
import "C"

import (
	"runtime"
	"unsafe"

	sitter "github.com/smacker/go-tree-sitter"
)

// copyTree takes a tree over from C, without recursion: its depth is the file's. It is
// nil where the tree has more than parseNodes nodes.
func (s *syntax) copyTree(g *grammar, tree *sitter.Tree) *node {
	root := tree.RootNode()
	// A sitter.Node begins with C's TSNode; TestTreeLayout holds that against the package.
	w := C.tree_walk_new(*(*C.TSNode)(unsafe.Pointer(root)))
	if w == nil {
		return nil
	}
	defer runtime.KeepAlive(tree)
	defer C.tree_walk_free(w)
	var rows []C.treeRow
	var batch [1024]C.treeRow
	for {
		n := int(C.tree_walk_next(w, &batch[0], C.int(len(batch))))
		if n == 0 {
			break
		}
		if rows = append(rows, batch[:n]...); len(rows) > parseNodes {
			return nil
		}
	}
	return s.link(g, rows)
}

// link makes the nodes of rows that stand in the file's order, parents before their children.
func (s *syntax) link(g *grammar, rows []C.treeRow) *node {
	nodes := make([]node, len(rows))
	counts := make([]int32, len(rows)) // of children
	var path []int                     // the node at each depth
	for i, row := range rows {
		n := &nodes[i]
		n.kind, n.named, n.start, n.end, n.file = g.kindOf(int(row.symbol)), bool(row.named), int(row.start), int(row.end), s
		n.field = g.field[row.field]
		path = append(path[:row.depth], i)
		if row.depth > 0 {
			parent := path[row.depth-1]
			n.parent = &nodes[parent]
			counts[parent]++
		}
	}
	children := make([]*node, len(rows))
	for i := range nodes {
		n := &nodes[i]
		if counts[i] > 0 {
			n.children, children = children[:0:counts[i]], children[counts[i]:]
		}
		if n.parent != nil {
			n.parent.children = append(n.parent.children, n)
		}
	}
	return &nodes[0]
}
