#include "server/gitops/gitops_internal.h"

#include "common/glob.h"

enum { SHOWN_BYTES = 60 };

static bool is_ref_allowed(const struct change_row *row, const struct target_row *target)
{
	struct str ref = row->tag.n ? row->tag : row->branch;
	if (target->refs.count)
		return ref.n && glob_list_match(&target->refs, ref);
	return row->tag.n == 0 && ref.n && str_eq(ref, row->default_branch);
}

/* What anybody who can push a branch of the source could do to the target, they may not do by default. */
bool gitops_change_is_allowed(
	const struct change_row *row, const struct gitops_spec *spec, const struct target_row *target, struct err *err)
{
	if (target->id == row->source)
		return err_set(
			err, ERR_DENIED, "a run does not commit to its own repository: it would start itself again");
	if (!target->is_granted)
		return err_set(err, ERR_DENIED,
			"repository \"%.*s\" takes no changes from runs of \"%.*s\"; an admin allows them by: penstock repo "
			"gitops allow %.*s --from %.*s",
			STR_ARG(target->name), STR_ARG(row->repository), STR_ARG(target->name),
			STR_ARG(row->repository));
	if (row->is_fork || str_is(row->event, "pull_request"))
		return err_set(
			err, ERR_DENIED, "a run of a pull request changes no other repository: it is not merged yet");
	if (!is_ref_allowed(row, target))
		return err_set(err, ERR_DENIED,
			"repository \"%.*s\" takes changes from \"%.*s\" only for %s, and this run is of \"%.*s\"; an admin "
			"allows more by: penstock repo gitops allow %.*s --from %.*s --refs GLOBS",
			STR_ARG(target->name), STR_ARG(row->repository),
			target->refs.count ? "some of its branches and tags" : "its default branch",
			STR_ARG(row->tag.n      ? row->tag
				: row->branch.n ? row->branch
						: row->commit),
			STR_ARG(target->name), STR_ARG(row->repository));
	if (target->files.count && !glob_list_match(&target->files, spec->file))
		return err_set(err, ERR_DENIED,
			"repository \"%.*s\" takes changes from \"%.*s\" only in some files, and \"%.*s\" is none of them; an "
			"admin allows more by: penstock repo gitops allow %.*s --from %.*s --files GLOBS",
			STR_ARG(target->name), STR_ARG(row->repository), STR_ARG(str_head(spec->file, 100)),
			STR_ARG(target->name), STR_ARG(row->repository));
	return true;
}

struct str gitops_change_subject(const struct change_row *row, const struct gitops_spec *spec, struct arena *arena)
{
	const struct pair *first = &spec->set.items[0];
	size_t at;
	bool is_short = spec->set.count == 1 && first->value.n <= SHOWN_BYTES &&
			!str_find_char(first->value, '\n', &at) && first->name.n <= SHOWN_BYTES;
	struct str run = arena_printf(arena, "%.*s#%lld", STR_ARG(row->repository), (long long)row->number);
	if (is_short)
		return arena_printf(
			arena, "Set %.*s to %.*s for %.*s", STR_ARG(first->name), STR_ARG(first->value), STR_ARG(run));
	return arena_printf(
		arena, "Change %zu value%s for %.*s", spec->set.count, spec->set.count == 1 ? "" : "s", STR_ARG(run));
}

struct str gitops_change_trailers(const struct change *change, struct arena *arena)
{
	const struct change_row *row = &change->row;
	return arena_printf(arena,
		"Penstock-Run: %.*s#%lld\nPenstock-Job: %.*s\nPenstock-Commit: %.*s\nPenstock-Attempt: %lld/%lld/%lld\n",
		STR_ARG(row->repository), (long long)row->number, STR_ARG(row->key), STR_ARG(row->commit),
		(long long)change->job, (long long)change->attempt, (long long)change->step);
}
