// Messages and stack traces of failures are payloads too, so that the codec encrypts them. CommonJS, because the SDK loads
// this file by `require` in the worker, and bundles it for workflows.
const { DefaultFailureConverter } = require('@temporalio/common');

exports.failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true });
