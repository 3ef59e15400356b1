/** The one Host that the control API answers to; no name of the Internet, so no page can be made to send it (DNS rebinding). */
export const CONTROL_HOST = 'postern.control.invalid';
