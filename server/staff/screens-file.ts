import type { Request, RequestHandler } from 'express';
import multer, { MulterError } from 'multer';
import { wholeMultipart } from '../web/http.js';

/** Reads a form with one file in it. */
export interface FileForm {
  readonly read: RequestHandler;
  /** Was the file larger than allowed? Then nothing of it was kept. */
  isTooLarge(req: Request): boolean;
}

/** A form with one file, in its field `name`, of at most so many bytes; `fieldBytes` for each of the other fields. */
export function fileForm(name: string, maxBytes: number, fieldBytes = 4_096): FileForm {
  const tooLarge = new WeakSet<Request>();
  // One byte more than allowed is read, so that the refusal is ours and stands on the page.
  const limits = { fileSize: maxBytes + 1, files: 1, fields: 12, fieldSize: fieldBytes, parts: 14, headerPairs: 50 };
  const parser = wholeMultipart(
    multer({ storage: multer.memoryStorage(), limits, defParamCharset: 'utf8' }).single(name),
  );
  return {
    read: (req, res, next) => {
      parser(req, res, (error: unknown) => {
        if (!(error instanceof MulterError) || error.code !== 'LIMIT_FILE_SIZE') {
          next(error);
          return;
        }
        tooLarge.add(req);
        next();
      });
    },
    isTooLarge: (req) => tooLarge.has(req) || (req.file?.size ?? 0) > maxBytes,
  };
}
