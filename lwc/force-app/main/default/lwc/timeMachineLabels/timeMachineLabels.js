// Written by tools/write-labels.mjs from the custom labels.
import title_ from '@salesforce/label/c.TimeMachine_Title';
import tabFields_ from '@salesforce/label/c.TimeMachine_TabFields';
import tabFiles_ from '@salesforce/label/c.TimeMachine_TabFiles';
import tabDeleted_ from '@salesforce/label/c.TimeMachine_TabDeleted';
import loading_ from '@salesforce/label/c.TimeMachine_Loading';
import retry_ from '@salesforce/label/c.TimeMachine_Retry';
import cancel_ from '@salesforce/label/c.TimeMachine_Cancel';
import more_ from '@salesforce/label/c.TimeMachine_More';
import selectVersions_ from '@salesforce/label/c.TimeMachine_SelectVersions';
import selectVersionsHelp_ from '@salesforce/label/c.TimeMachine_SelectVersionsHelp';
import versionsAvailable_ from '@salesforce/label/c.TimeMachine_VersionsAvailable';
import versionsChosen_ from '@salesforce/label/c.TimeMachine_VersionsChosen';
import versionsTooMany_ from '@salesforce/label/c.TimeMachine_VersionsTooMany';
import versionsOlder_ from '@salesforce/label/c.TimeMachine_VersionsOlder';
import versionLabel_ from '@salesforce/label/c.TimeMachine_VersionLabel';
import versionDeleted_ from '@salesforce/label/c.TimeMachine_VersionDeleted';
import noVersions_ from '@salesforce/label/c.TimeMachine_NoVersions';
import compare_ from '@salesforce/label/c.TimeMachine_Compare';
import changeVersions_ from '@salesforce/label/c.TimeMachine_ChangeVersions';
import compareCaption_ from '@salesforce/label/c.TimeMachine_CompareCaption';
import field_ from '@salesforce/label/c.TimeMachine_Field';
import current_ from '@salesforce/label/c.TimeMachine_Current';
import currentMissing_ from '@salesforce/label/c.TimeMachine_CurrentMissing';
import versionHeading_ from '@salesforce/label/c.TimeMachine_VersionHeading';
import chooseAll_ from '@salesforce/label/c.TimeMachine_ChooseAll';
import chooseAllFrom_ from '@salesforce/label/c.TimeMachine_ChooseAllFrom';
import hideIdentical_ from '@salesforce/label/c.TimeMachine_HideIdentical';
import search_ from '@salesforce/label/c.TimeMachine_Search';
import noFieldsFound_ from '@salesforce/label/c.TimeMachine_NoFieldsFound';
import allIdentical_ from '@salesforce/label/c.TimeMachine_AllIdentical';
import fieldCount_ from '@salesforce/label/c.TimeMachine_FieldCount';
import differs_ from '@salesforce/label/c.TimeMachine_Differs';
import empty_ from '@salesforce/label/c.TimeMachine_Empty';
import showAllText_ from '@salesforce/label/c.TimeMachine_ShowAllText';
import showLessText_ from '@salesforce/label/c.TimeMachine_ShowLessText';
import restoreField_ from '@salesforce/label/c.TimeMachine_RestoreField';
import restoreFrom_ from '@salesforce/label/c.TimeMachine_RestoreFrom';
import referenceDeleted_ from '@salesforce/label/c.TimeMachine_ReferenceDeleted';
import chosenCount_ from '@salesforce/label/c.TimeMachine_ChosenCount';
import chosenOne_ from '@salesforce/label/c.TimeMachine_ChosenOne';
import chosenNone_ from '@salesforce/label/c.TimeMachine_ChosenNone';
import clearChoices_ from '@salesforce/label/c.TimeMachine_ClearChoices';
import restore_ from '@salesforce/label/c.TimeMachine_Restore';
import reasonRecordId_ from '@salesforce/label/c.TimeMachine_ReasonRecordId';
import reasonReference_ from '@salesforce/label/c.TimeMachine_ReasonReference';
import reasonFormula_ from '@salesforce/label/c.TimeMachine_ReasonFormula';
import reasonAutoNumber_ from '@salesforce/label/c.TimeMachine_ReasonAutoNumber';
import reasonAudit_ from '@salesforce/label/c.TimeMachine_ReasonAudit';
import reasonCompound_ from '@salesforce/label/c.TimeMachine_ReasonCompound';
import reasonBinary_ from '@salesforce/label/c.TimeMachine_ReasonBinary';
import reasonReadOnly_ from '@salesforce/label/c.TimeMachine_ReasonReadOnly';
import reasonFieldGone_ from '@salesforce/label/c.TimeMachine_ReasonFieldGone';
import reasonNoEditAccess_ from '@salesforce/label/c.TimeMachine_ReasonNoEditAccess';
import confirmTitle_ from '@salesforce/label/c.TimeMachine_ConfirmTitle';
import confirmIntro_ from '@salesforce/label/c.TimeMachine_ConfirmIntro';
import confirmWriter_ from '@salesforce/label/c.TimeMachine_ConfirmWriter';
import confirmCaption_ from '@salesforce/label/c.TimeMachine_ConfirmCaption';
import confirmNow_ from '@salesforce/label/c.TimeMachine_ConfirmNow';
import confirmThen_ from '@salesforce/label/c.TimeMachine_ConfirmThen';
import restoring_ from '@salesforce/label/c.TimeMachine_Restoring';
import progressOf_ from '@salesforce/label/c.TimeMachine_ProgressOf';
import progressQueued_ from '@salesforce/label/c.TimeMachine_ProgressQueued';
import jobNumber_ from '@salesforce/label/c.TimeMachine_JobNumber';
import success_ from '@salesforce/label/c.TimeMachine_Success';
import successPartly_ from '@salesforce/label/c.TimeMachine_SuccessPartly';
import successNone_ from '@salesforce/label/c.TimeMachine_SuccessNone';
import aborted_ from '@salesforce/label/c.TimeMachine_Aborted';
import outcome_ from '@salesforce/label/c.TimeMachine_Outcome';
import outcomeRestored_ from '@salesforce/label/c.TimeMachine_OutcomeRestored';
import outcomeUnchanged_ from '@salesforce/label/c.TimeMachine_OutcomeUnchanged';
import outcomeRefused_ from '@salesforce/label/c.TimeMachine_OutcomeRefused';
import outcomeDiffers_ from '@salesforce/label/c.TimeMachine_OutcomeDiffers';
import outcomesCaption_ from '@salesforce/label/c.TimeMachine_OutcomesCaption';
import why_ from '@salesforce/label/c.TimeMachine_Why';
import done_ from '@salesforce/label/c.TimeMachine_Done';
import filesCaption_ from '@salesforce/label/c.TimeMachine_FilesCaption';
import fileName_ from '@salesforce/label/c.TimeMachine_FileName';
import fileSize_ from '@salesforce/label/c.TimeMachine_FileSize';
import fileState_ from '@salesforce/label/c.TimeMachine_FileState';
import fileCaptured_ from '@salesforce/label/c.TimeMachine_FileCaptured';
import fileOpen_ from '@salesforce/label/c.TimeMachine_FileOpen';
import filePresent_ from '@salesforce/label/c.TimeMachine_FilePresent';
import fileDeleted_ from '@salesforce/label/c.TimeMachine_FileDeleted';
import fileArchived_ from '@salesforce/label/c.TimeMachine_FileArchived';
import noFiles_ from '@salesforce/label/c.TimeMachine_NoFiles';
import deletedCaption_ from '@salesforce/label/c.TimeMachine_DeletedCaption';
import deletedName_ from '@salesforce/label/c.TimeMachine_DeletedName';
import deletedObject_ from '@salesforce/label/c.TimeMachine_DeletedObject';
import deletedAt_ from '@salesforce/label/c.TimeMachine_DeletedAt';
import deletedState_ from '@salesforce/label/c.TimeMachine_DeletedState';
import deletedSoft_ from '@salesforce/label/c.TimeMachine_DeletedSoft';
import deletedHard_ from '@salesforce/label/c.TimeMachine_DeletedHard';
import deletedArchived_ from '@salesforce/label/c.TimeMachine_DeletedArchived';
import deletedOpen_ from '@salesforce/label/c.TimeMachine_DeletedOpen';
import noDeleted_ from '@salesforce/label/c.TimeMachine_NoDeleted';
import deletedBack_ from '@salesforce/label/c.TimeMachine_DeletedBack';
import noticeNoPermission_ from '@salesforce/label/c.TimeMachine_NoticeNoPermission';
import noticeNoEditAccess_ from '@salesforce/label/c.TimeMachine_NoticeNoEditAccess';
import noticeDeleted_ from '@salesforce/label/c.TimeMachine_NoticeDeleted';
import errorServerUnreachable_ from '@salesforce/label/c.TimeMachine_ErrorServerUnreachable';
import errorTokenRefused_ from '@salesforce/label/c.TimeMachine_ErrorTokenRefused';
import errorNoRecordAccess_ from '@salesforce/label/c.TimeMachine_ErrorNoRecordAccess';
import errorNoDeletedAccess_ from '@salesforce/label/c.TimeMachine_ErrorNoDeletedAccess';
import errorCannotRestore_ from '@salesforce/label/c.TimeMachine_ErrorCannotRestore';
import errorNotStored_ from '@salesforce/label/c.TimeMachine_ErrorNotStored';
import errorVersionGone_ from '@salesforce/label/c.TimeMachine_ErrorVersionGone';
import errorCurrentChanged_ from '@salesforce/label/c.TimeMachine_ErrorCurrentChanged';
import errorUnknown_ from '@salesforce/label/c.TimeMachine_ErrorUnknown';
import true_ from '@salesforce/label/c.TimeMachine_True';
import false_ from '@salesforce/label/c.TimeMachine_False';
import versionsCount_ from '@salesforce/label/c.TimeMachine_VersionsCount';
import fileUnknownSize_ from '@salesforce/label/c.TimeMachine_FileUnknownSize';
import errorNotSetUp_ from '@salesforce/label/c.TimeMachine_ErrorNotSetUp';

/** Every text of Time Machine; placeholders such as {0} are filled by fill. */
export const label = {
  title: title_,
  tabFields: tabFields_,
  tabFiles: tabFiles_,
  tabDeleted: tabDeleted_,
  loading: loading_,
  retry: retry_,
  cancel: cancel_,
  more: more_,
  selectVersions: selectVersions_,
  selectVersionsHelp: selectVersionsHelp_,
  versionsAvailable: versionsAvailable_,
  versionsChosen: versionsChosen_,
  versionsTooMany: versionsTooMany_,
  versionsOlder: versionsOlder_,
  versionLabel: versionLabel_,
  versionDeleted: versionDeleted_,
  noVersions: noVersions_,
  compare: compare_,
  changeVersions: changeVersions_,
  compareCaption: compareCaption_,
  field: field_,
  current: current_,
  currentMissing: currentMissing_,
  versionHeading: versionHeading_,
  chooseAll: chooseAll_,
  chooseAllFrom: chooseAllFrom_,
  hideIdentical: hideIdentical_,
  search: search_,
  noFieldsFound: noFieldsFound_,
  allIdentical: allIdentical_,
  fieldCount: fieldCount_,
  differs: differs_,
  empty: empty_,
  showAllText: showAllText_,
  showLessText: showLessText_,
  restoreField: restoreField_,
  restoreFrom: restoreFrom_,
  referenceDeleted: referenceDeleted_,
  chosenCount: chosenCount_,
  chosenOne: chosenOne_,
  chosenNone: chosenNone_,
  clearChoices: clearChoices_,
  restore: restore_,
  reasonRecordId: reasonRecordId_,
  reasonReference: reasonReference_,
  reasonFormula: reasonFormula_,
  reasonAutoNumber: reasonAutoNumber_,
  reasonAudit: reasonAudit_,
  reasonCompound: reasonCompound_,
  reasonBinary: reasonBinary_,
  reasonReadOnly: reasonReadOnly_,
  reasonFieldGone: reasonFieldGone_,
  reasonNoEditAccess: reasonNoEditAccess_,
  confirmTitle: confirmTitle_,
  confirmIntro: confirmIntro_,
  confirmWriter: confirmWriter_,
  confirmCaption: confirmCaption_,
  confirmNow: confirmNow_,
  confirmThen: confirmThen_,
  restoring: restoring_,
  progressOf: progressOf_,
  progressQueued: progressQueued_,
  jobNumber: jobNumber_,
  success: success_,
  successPartly: successPartly_,
  successNone: successNone_,
  aborted: aborted_,
  outcome: outcome_,
  outcomeRestored: outcomeRestored_,
  outcomeUnchanged: outcomeUnchanged_,
  outcomeRefused: outcomeRefused_,
  outcomeDiffers: outcomeDiffers_,
  outcomesCaption: outcomesCaption_,
  why: why_,
  done: done_,
  filesCaption: filesCaption_,
  fileName: fileName_,
  fileSize: fileSize_,
  fileState: fileState_,
  fileCaptured: fileCaptured_,
  fileOpen: fileOpen_,
  filePresent: filePresent_,
  fileDeleted: fileDeleted_,
  fileArchived: fileArchived_,
  noFiles: noFiles_,
  deletedCaption: deletedCaption_,
  deletedName: deletedName_,
  deletedObject: deletedObject_,
  deletedAt: deletedAt_,
  deletedState: deletedState_,
  deletedSoft: deletedSoft_,
  deletedHard: deletedHard_,
  deletedArchived: deletedArchived_,
  deletedOpen: deletedOpen_,
  noDeleted: noDeleted_,
  deletedBack: deletedBack_,
  noticeNoPermission: noticeNoPermission_,
  noticeNoEditAccess: noticeNoEditAccess_,
  noticeDeleted: noticeDeleted_,
  errorServerUnreachable: errorServerUnreachable_,
  errorTokenRefused: errorTokenRefused_,
  errorNoRecordAccess: errorNoRecordAccess_,
  errorNoDeletedAccess: errorNoDeletedAccess_,
  errorCannotRestore: errorCannotRestore_,
  errorNotStored: errorNotStored_,
  errorVersionGone: errorVersionGone_,
  errorCurrentChanged: errorCurrentChanged_,
  errorUnknown: errorUnknown_,
  true: true_,
  false: false_,
  versionsCount: versionsCount_,
  fileUnknownSize: fileUnknownSize_,
  errorNotSetUp: errorNotSetUp_
};

/**
 * Fills the placeholders {0}, {1}, … of a label.
 * @param {string} text the label
 * @param {...*} values what to put in
 * @returns {string} the text
 */
export function fill(text, ...values) {
  return text.replace(/\{(\d)\}/g, (_, place) => values[place] ?? '');
}
