"""Files to PlanGrid: slot, storage form, completion (page "File Uploads") and versions of sheets."""
