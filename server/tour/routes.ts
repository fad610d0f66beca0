import { Router } from 'express';
import type { Site } from '../web/http.js';
export function tourRoutes(_s: Site, _m: unknown): Router {
  return Router();
}
