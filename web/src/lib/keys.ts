/*
 * Single-key shortcuts. They never fire while somebody types, holds a modifier, or has a dialog open.
 * Returns what takes them away again.
 */
export function onKeys(keys: Record<string, () => void>): () => void {
	const onKey = (event: KeyboardEvent): void => {
		if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
		const target = event.target as HTMLElement | null;
		if (target?.closest("input, textarea, select, dialog, [contenteditable]")) return;
		const action = keys[event.key];
		if (!action) return;
		event.preventDefault();
		action();
	};
	document.addEventListener("keydown", onKey);
	return () => document.removeEventListener("keydown", onKey);
}
