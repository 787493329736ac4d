package postgres

import (
	"strconv"
	"strings"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

// functionTypes are functions of pg_catalog all of whose overloads return one type.
var functionTypes = func() map[string]catalog.Type {
	m := map[string]catalog.Type{}
	for _, line := range []string{
		"int8 count row_number rank dense_rank nextval currval lastval setval pg_relation_size pg_total_relation_size pg_table_size txid_current",
		"int4 char_length character_length octet_length bit_length ascii array_length array_upper array_lower array_ndims cardinality strpos pg_backend_pid jsonb_array_length json_array_length ntile num_nulls num_nonnulls",
		"float8 percent_rank cume_dist pi",
		"bool bool_and bool_or every starts_with pg_try_advisory_lock isfinite jsonb_path_exists jsonb_path_match texteq",
		"text concat concat_ws format md5 to_char quote_ident initcap lpad rpad replace translate left right repeat split_part chr array_to_string regexp_replace to_hex version current_setting set_config json_typeof jsonb_typeof jsonb_pretty obj_description col_description pg_get_functiondef pg_get_viewdef jsonb_extract_path_text json_extract_path_text",
		"timestamptz now clock_timestamp statement_timestamp transaction_timestamp to_timestamp make_timestamptz pg_postmaster_start_time",
		"timestamp make_timestamp",
		"date to_date make_date",
		"interval make_interval justify_days justify_hours justify_interval",
		"numeric extract to_number",
		"uuid gen_random_uuid",
		"json to_json row_to_json json_agg json_build_object json_build_array json_object_agg json_object array_to_json json_extract_path json_strip_nulls",
		"jsonb to_jsonb jsonb_agg jsonb_build_object jsonb_build_array jsonb_object_agg jsonb_object jsonb_set jsonb_insert jsonb_strip_nulls jsonb_extract_path jsonb_path_query_first jsonb_path_query_array",
		"tsvector to_tsvector setweight",
		"tsquery to_tsquery plainto_tsquery phraseto_tsquery websearch_to_tsquery",
		"float4 ts_rank ts_rank_cd",
		"bytea convert_to decode sha224 sha256 sha384 sha512",
	} {
		words := strings.Fields(line)
		for _, f := range words[1:] {
			m[f] = catalog.Type{Name: words[0]}
		}
	}
	return m
}()

func fitsInt64(text string) bool {
	_, err := strconv.ParseInt(strings.ReplaceAll(text, "_", ""), 0, 64)
	return err == nil
}
